using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>DINO's vision transformer: class token, patch tokens, intermediate layers and attention. <c>(B,3,H,W) -> (B,D)</c></summary>
/// <remarks>
/// Source: facebookresearch/dino <c>vision_transformer.py</c>; its state-dict keys. Any image of at least one patch is taken:
/// a rest narrower than a patch is dropped, and the position table is interpolated unless the image is square and has as many
/// patches as the table.
/// </remarks>
public sealed class DinoVisionTransformer : VitEncoder
{
    private const double InterpolationOffset = 0.1;

    /// <summary>Creates the model with fresh weights (the reference's initialisation).</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself.</exception>
    public DinoVisionTransformer(DinoConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(DinoVisionTransformer), config ?? throw new ArgumentNullException(nameof(config)), layerScale: null, device, dtype)
    {
        Config = config;
        RegisterComponents();
        VitInit.Apply(this, cls_token, pos_embed);
        this.DetachFromDisposeScope();
    }

    /// <summary>The model's shape.</summary>
    public DinoConfig Config { get; }

    /// <summary>How an image becomes the input. Default: DINO's evaluation, the shorter side to 256/224 of the image size and a centre crop.</summary>
    public override IImagePreprocessor Preprocessor
    {
        get => field ??= DinoPreprocessor.ForSize(Config.ImageSize);
        init;
    }

    /// <summary>Reads <c>config.json</c> (Hugging Face's ViTConfig) and the weights, under facebookresearch's or Hugging Face's names.</summary>
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
    public static DinoVisionTransformer FromFolder(string folder, Device? device = null, ScalarType? dtype = null, IImagePreprocessor? preprocessor = null)
    {
        ModelConfig json = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        DinoConfig config = DinoConfig.FromJson(json);
        using ITensorFile file = ModelFolder.OpenWeights(folder);
        json.RequireTensorsFor("num_hidden_layers", config.Depth, file);
        DinoVisionTransformer model = new(config, TorchRuntime.Meta) { Preprocessor = preprocessor! };
        return ModelWeights.Fill(model, VitKeyMap.Wrap(file), ignore: null, device, dtype);
    }

    /// <summary>The tokens after each of the last <paramref name="count"/> blocks, each passed through the final norm; class token first.</summary>
    /// <param name="pixels">Normalised pixels, <c>(B,3,H,W)</c>.</param>
    /// <param name="count">How many blocks, 1 to the depth.</param>
    /// <returns>Tensors <c>(B,1+h*w,D)</c>, the last block's at the end; the caller disposes them.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not within the depth.</exception>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W of at least a patch.</exception>
    public IReadOnlyList<Tensor> IntermediateLayers(Tensor pixels, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Config.Depth);
        using DisposeScope scope = NewDisposeScope();
        Tensor x = PrepareTokens(pixels);
        var layers = new List<Tensor>(count);
        for (int i = 0; i < blocks.Count; i++)
        {
            x = blocks[i].call(x);
            if (i >= blocks.Count - count)
                layers.Add(norm.call(x).MoveToOuterDisposeScope());
        }
        return layers;
    }

    /// <summary>The last block's attention probabilities. <c>(B,3,H,W) -> (B,heads,1+h*w,1+h*w)</c></summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W of at least a patch.</exception>
    public Tensor LastSelfAttention(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = PrepareTokens(pixels);
        foreach (VitBlock block in blocks.SkipLast(1))
            x = block.call(x);
        return blocks[^1].AttentionProbabilities(x).MoveToOuterDisposeScope();
    }

    private protected override (double Offset, bool Antialias) Interpolation => (InterpolationOffset, false);

    private protected override Tensor PrepareTokens(Tensor pixels)
    {
        PixelShape.Check(pixels, Config.PatchSize);
        return Embed(pixels);
    }
}
