using PatchDpo.Torch.Images;
using PatchDpo.Torch.Runtime;
using PatchDpo.Torch.Vision.Vit;
using PatchDpo.Torch.Weights;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision;

/// <summary>DINOv2's vision transformer, with or without register tokens. <c>(B,3,H,W) -> (B,D)</c></summary>
/// <remarks>
/// Source: facebookresearch/dinov2 <c>models/vision_transformer.py</c>; its state-dict keys. Both sides of an image are
/// multiples of the patch size; the position table is interpolated unless the image is square and has as many patches as the table.
/// </remarks>
public sealed class DinoV2VisionTransformer : Module<Tensor, Tensor>, IVisionEncoder
{
    private readonly Parameter cls_token;
    private readonly Parameter pos_embed;
    private readonly Parameter? register_tokens;
    // Part of every checkpoint; stands for hidden patches in pre-training only.
    private readonly Parameter mask_token;
    private readonly VitPatchEmbed patch_embed;
    private readonly ModuleList<VitBlock> blocks;
    private readonly LayerNorm norm;

    /// <summary>Creates the model with fresh weights.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself.</exception>
    public DinoV2VisionTransformer(DinoV2Config config, Device? device = null, ScalarType? dtype = null) : base(nameof(DinoV2VisionTransformer))
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
        cls_token = new Parameter(zeros([1, 1, config.EmbedDim], dtype, device));
        pos_embed = new Parameter(zeros([1, config.Positions, config.EmbedDim], dtype, device));
        if (config.RegisterTokens > 0)
            register_tokens = new Parameter(zeros([1, config.RegisterTokens, config.EmbedDim], dtype, device));
        mask_token = new Parameter(zeros([1, config.EmbedDim], dtype, device));
        patch_embed = new VitPatchEmbed(config.PatchSize, config.EmbedDim, device, dtype);
        blocks = ModuleList(Enumerable.Range(0, config.Depth)
            .Select(_ => new VitBlock(config.EmbedDim, config.NumHeads, config.IntermediateSize, config.QkvBias, config.NormEps, config.LayerScale, device, dtype))
            .ToArray());
        norm = LayerNorm(config.EmbedDim, config.NormEps, device: device, dtype: dtype);
        RegisterComponents();
        if (register_tokens is null)
            VitInit.Apply(this, cls_token, pos_embed);
        else
            VitInit.Apply(this, cls_token, pos_embed, register_tokens);
        this.DetachFromDisposeScope();
    }

    /// <summary>The model's shape.</summary>
    public DinoV2Config Config { get; }

    /// <summary>How an image becomes the input. Default: the reference's evaluation, the shorter side to 256 and a centre crop of 224 (cut to whole patches).</summary>
    public IImagePreprocessor Preprocessor
    {
        get => field ??= new DinoPreprocessor(256, Math.Max(1, 224 / Config.PatchSize) * Config.PatchSize);
        init;
    }

    /// <inheritdoc/>
    public Device Device => cls_token.device;

    /// <summary>Reads <c>config.json</c> (Hugging Face's Dinov2Config) and the weights, under facebookresearch's or Hugging Face's names.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <param name="preprocessor">How an image becomes the input; default: see <see cref="Preprocessor"/>.</param>
    /// <returns>The model, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is malformed.</exception>
    /// <exception cref="WeightsFormatException">The weight file is malformed.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static DinoV2VisionTransformer FromFolder(string folder, Device? device = null, ScalarType? dtype = null, IImagePreprocessor? preprocessor = null)
    {
        DinoV2Config config = DinoV2Config.FromJson(ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json")));
        using SafetensorsFile file = SafetensorsFile.Open(ModelFolder.RequireFile(folder));
        DinoV2VisionTransformer model = new(config, META) { Preprocessor = preprocessor! };
        return ModelWeights.Fill(model, VitKeyMap.Wrap(file), ignore: null, device, dtype);
    }

    /// <summary>The class token after the final norm, with gradients where they are on. <c>(B,3,H,W) -> (B,D)</c></summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W multiples of a patch.</exception>
    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return Tokens(pixels, normalize: true).select(1, 0).MoveToOuterDisposeScope();
    }

    /// <summary>Class token (B,D) and patch tokens (B,h,w,D), both after the final norm, with gradients where they are on.</summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W multiples of a patch.</exception>
    public VisionFeatures ForwardFeatures(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        Tensor x = Tokens(pixels, normalize: true);
        long rows = pixels.shape[2] / Config.PatchSize, columns = pixels.shape[3] / Config.PatchSize;
        Tensor patches = x.narrow(1, 1 + Config.RegisterTokens, rows * columns).reshape(x.shape[0], rows, columns, -1);
        return new VisionFeatures(x.select(1, 0).MoveToOuterDisposeScope(), patches.MoveToOuterDisposeScope());
    }

    /// <summary>Class token (B,D) and patch tokens (B,h,w,D), both after the final norm, without gradients.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="Device"/>, <c>(B,3,H,W)</c>.</param>
    /// <returns>Features that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W multiples of a patch.</exception>
    public VisionFeatures Encode(Tensor pixels)
    {
        using var noGrad = no_grad();
        return ForwardFeatures(pixels);
    }

    /// <summary>All tokens after the last block: class, R registers, patches. <c>(B,3,H,W) -> (B,1+R+h*w,D)</c></summary>
    /// <param name="pixels">Normalised pixels, <c>(B,3,H,W)</c>.</param>
    /// <param name="normalize">Whether the final norm is applied.</param>
    /// <returns>The tokens; the caller disposes them.</returns>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W multiples of a patch.</exception>
    public Tensor Tokens(Tensor pixels, bool normalize)
    {
        PixelShape.CheckMultiple(pixels, Config.PatchSize);
        using var scope = NewDisposeScope();
        long batch = pixels.shape[0];
        Tensor x = cat([cls_token.expand(batch, -1, -1), patch_embed.call(pixels)], 1) + PositionEmbedding(pixels.shape[2], pixels.shape[3]);
        // Registers have no position.
        if (register_tokens is not null)
            x = cat([x.narrow(1, 0, 1), register_tokens.expand(batch, -1, -1), x.narrow(1, 1, x.shape[1] - 1)], 1);
        foreach (VitBlock block in blocks)
            x = block.call(x);
        return (normalize ? norm.call(x) : x).MoveToOuterDisposeScope();
    }

    /// <summary>The position table for an image of this size, <c>(1,1+h*w,D)</c>; the caller disposes it.</summary>
    /// <param name="height">Height in pixels.</param>
    /// <param name="width">Width in pixels.</param>
    public Tensor PositionEmbedding(long height, long width)
    {
        using var scope = NewDisposeScope();
        long rows = height / Config.PatchSize, columns = width / Config.PatchSize;
        if (rows * columns == pos_embed.shape[1] - 1 && height == width)
            return pos_embed.alias().MoveToOuterDisposeScope();
        return VitPositions.Interpolate(pos_embed, rows, columns, Config.InterpolateOffset, Config.InterpolateAntialias).MoveToOuterDisposeScope();
    }
}
