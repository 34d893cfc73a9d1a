using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>DINOv2's vision transformer, with or without register tokens. <c>(B,3,H,W) -> (B,D)</c></summary>
/// <remarks>
/// Source: facebookresearch/dinov2 <c>models/vision_transformer.py</c>; its state-dict keys. Both sides of an image are
/// multiples of the patch size; the position table is interpolated unless the image is square and has as many patches as the table.
/// </remarks>
public sealed class DinoV2VisionTransformer : VitEncoder
{
    private readonly Parameter? register_tokens;
    // Part of every checkpoint; stands for hidden patches in pre-training only.
    private readonly Parameter mask_token;

    /// <summary>Creates the model with fresh weights.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself.</exception>
    public DinoV2VisionTransformer(DinoV2Config config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(DinoV2VisionTransformer), config ?? throw new ArgumentNullException(nameof(config)), config.LayerScale, device, dtype)
    {
        Config = config;
        if (config.RegisterTokens > 0)
            register_tokens = new Parameter(zeros([1, config.RegisterTokens, config.EmbedDim], dtype, device));
        mask_token = new Parameter(zeros([1, config.EmbedDim], dtype, device));
        RegisterComponents();
        if (register_tokens is null)
            VitInit.Apply(this, cls_token, pos_embed);
        else
            VitInit.Apply(this, cls_token, pos_embed, register_tokens);
        this.DetachFromDisposeScope();
    }

    /// <summary>The model's shape.</summary>
    public DinoV2Config Config { get; }

    /// <summary>
    /// How an image becomes the input. Default: the reference's evaluation, the shorter side to 256 and a centre crop of 224 (cut to whole patches).
    /// </summary>
    public override IImagePreprocessor Preprocessor
    {
        get => field ??= new DinoPreprocessor(256, Math.Max(1, 224 / Config.PatchSize) * Config.PatchSize);
        init;
    }

    /// <summary>Reads <c>config.json</c> (Hugging Face's Dinov2Config) and the weights, under facebookresearch's or Hugging Face's names.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <param name="preprocessor">How an image becomes the input; default: see <see cref="Preprocessor"/>.</param>
    /// <returns>The model, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is malformed.</exception>
    /// <exception cref="WeightsFormatException">A weight file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static DinoV2VisionTransformer FromFolder(string folder, Device? device = null, ScalarType? dtype = null, IImagePreprocessor? preprocessor = null)
    {
        ModelConfig json = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        DinoV2Config config = DinoV2Config.FromJson(json);
        using ITensorFile file = ModelFolder.OpenWeights(folder);
        json.RequireTensorsFor("num_hidden_layers", config.Depth, file);
        DinoV2VisionTransformer model = new(config, TorchRuntime.Meta) { Preprocessor = preprocessor! };
        return ModelWeights.Fill(model, VitKeyMap.Wrap(file), ignore: null, device, dtype);
    }

    /// <summary>All tokens after the last block: class, R registers, patches. <c>(B,3,H,W) -> (B,1+R+h*w,D)</c></summary>
    /// <param name="pixels">Normalised pixels, <c>(B,3,H,W)</c>.</param>
    /// <param name="normalize">Whether the final norm is applied.</param>
    /// <returns>The tokens; the caller disposes them.</returns>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W multiples of a patch.</exception>
    public Tensor Tokens(Tensor pixels, bool normalize)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Run(pixels);
        return (normalize ? norm.call(x) : x).MoveToOuterDisposeScope();
    }

    private protected override int Registers => Config.RegisterTokens;

    private protected override (double Offset, bool Antialias) Interpolation => (Config.InterpolateOffset, Config.InterpolateAntialias);

    private protected override Tensor PrepareTokens(Tensor pixels)
    {
        PixelShape.CheckMultiple(pixels, Config.PatchSize);
        Tensor x = Embed(pixels);
        // Registers have no position.
        return register_tokens is null ? x : cat([x.narrow(1, 0, 1), register_tokens.expand(pixels.shape[0], -1, -1), x.narrow(1, 1, x.shape[1] - 1)], 1);
    }
}
