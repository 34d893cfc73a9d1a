using PatchDpo.Torch.Images;
using PatchDpo.Torch.Runtime;
using PatchDpo.Torch.Vision.Vit;
using PatchDpo.Torch.Weights;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision;

/// <summary>DINO's vision transformer: class token, patch tokens, intermediate layers and attention. <c>(B,3,H,W) -> (B,D)</c></summary>
/// <remarks>
/// Source: facebookresearch/dino <c>vision_transformer.py</c>; its state-dict keys. Any image of at least one patch is taken:
/// a rest narrower than a patch is dropped, and the position table is interpolated unless the image is square and has as many
/// patches as the table.
/// </remarks>
public sealed class DinoVisionTransformer : Module<Tensor, Tensor>, IVisionEncoder
{
    private const double InterpolationOffset = 0.1;

    private readonly Parameter cls_token;
    private readonly Parameter pos_embed;
    private readonly VitPatchEmbed patch_embed;
    private readonly ModuleList<VitBlock> blocks;
    private readonly LayerNorm norm;

    /// <summary>Creates the model with fresh weights (the reference's initialisation).</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself.</exception>
    public DinoVisionTransformer(DinoConfig config, Device? device = null, ScalarType? dtype = null) : base(nameof(DinoVisionTransformer))
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
        cls_token = new Parameter(zeros([1, 1, config.EmbedDim], dtype, device));
        pos_embed = new Parameter(zeros([1, config.Positions, config.EmbedDim], dtype, device));
        patch_embed = new VitPatchEmbed(config.PatchSize, config.EmbedDim, device, dtype);
        blocks = ModuleList(Enumerable.Range(0, config.Depth)
            .Select(_ => new VitBlock(config.EmbedDim, config.NumHeads, config.IntermediateSize, config.QkvBias, config.NormEps, layerScale: null, device, dtype))
            .ToArray());
        norm = LayerNorm(config.EmbedDim, config.NormEps, device: device, dtype: dtype);
        RegisterComponents();
        VitInit.Apply(this, cls_token, pos_embed);
        this.DetachFromDisposeScope();
    }

    /// <summary>The model's shape.</summary>
    public DinoConfig Config { get; }

    /// <summary>How an image becomes the input. Default: DINO's evaluation, the shorter side to 256/224 of the image size and a centre crop.</summary>
    public IImagePreprocessor Preprocessor
    {
        get => field ??= DinoPreprocessor.ForSize(Config.ImageSize);
        init;
    }

    /// <inheritdoc/>
    public Device Device => cls_token.device;

    /// <summary>Reads <c>config.json</c> (Hugging Face's ViTConfig) and the weights, under facebookresearch's or Hugging Face's names.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <param name="preprocessor">How an image becomes the input; default: see <see cref="Preprocessor"/>.</param>
    /// <returns>The model, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is malformed.</exception>
    /// <exception cref="WeightsFormatException">The weight file is malformed.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static DinoVisionTransformer FromFolder(string folder, Device? device = null, ScalarType? dtype = null, IImagePreprocessor? preprocessor = null)
    {
        DinoConfig config = DinoConfig.FromJson(ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json")));
        using SafetensorsFile file = SafetensorsFile.Open(ModelFolder.RequireFile(folder));
        DinoVisionTransformer model = new(config, META) { Preprocessor = preprocessor! };
        return ModelWeights.Fill(model, VitKeyMap.Wrap(file), ignore: null, device, dtype);
    }

    /// <summary>The class token after the final norm, with gradients where they are on. <c>(B,3,H,W) -> (B,D)</c></summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W of at least a patch.</exception>
    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return norm.call(Run(pixels)).select(1, 0).MoveToOuterDisposeScope();
    }

    /// <summary>Class token (B,D) and patch tokens (B,h,w,D), both after the final norm, with gradients where they are on.</summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W of at least a patch.</exception>
    public VisionFeatures ForwardFeatures(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        Tensor x = norm.call(Run(pixels));
        Tensor patches = x.narrow(1, 1, x.shape[1] - 1).reshape(x.shape[0], pixels.shape[2] / Config.PatchSize, pixels.shape[3] / Config.PatchSize, -1);
        return new VisionFeatures(x.select(1, 0).MoveToOuterDisposeScope(), patches.MoveToOuterDisposeScope());
    }

    /// <summary>Class token (B,D) and patch tokens (B,h,w,D), both after the final norm, without gradients.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="Device"/>, <c>(B,3,H,W)</c>.</param>
    /// <returns>Features that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W) with H and W of at least a patch.</exception>
    public VisionFeatures Encode(Tensor pixels)
    {
        using var noGrad = no_grad();
        return ForwardFeatures(pixels);
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
        using var scope = NewDisposeScope();
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
        using var scope = NewDisposeScope();
        Tensor x = PrepareTokens(pixels);
        foreach (VitBlock block in blocks.SkipLast(1))
            x = block.call(x);
        return blocks[^1].AttentionProbabilities(x).MoveToOuterDisposeScope();
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
        return VitPositions.Interpolate(pos_embed, rows, columns, InterpolationOffset, antialias: false).MoveToOuterDisposeScope();
    }

    private Tensor Run(Tensor pixels)
    {
        Tensor x = PrepareTokens(pixels);
        foreach (VitBlock block in blocks)
            x = block.call(x);
        return x;
    }

    private Tensor PrepareTokens(Tensor pixels)
    {
        PixelShape.Check(pixels, Config.PatchSize);
        Tensor cls = cls_token.expand(pixels.shape[0], -1, -1);
        return cat([cls, patch_embed.call(pixels)], 1) + PositionEmbedding(pixels.shape[2], pixels.shape[3]);
    }
}
