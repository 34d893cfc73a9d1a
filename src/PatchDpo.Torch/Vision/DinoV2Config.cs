using PatchDpo.Torch.Vision.Vit;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision;

/// <summary>The shape of a DINOv2 vision transformer.</summary>
/// <remarks>
/// Source: facebookresearch/dinov2 <c>models/vision_transformer.py</c>; the JSON fields are those of Hugging Face's
/// <c>Dinov2Config</c> and <c>Dinov2WithRegistersConfig</c>.
/// </remarks>
public sealed record DinoV2Config
{
    private readonly bool? _antialias;
    private readonly double? _offset;

    /// <summary>Side of the square training images, in pixels (518 in the published models); gives the size of the position table.</summary>
    public required int ImageSize { get; init => field = Positive(value, nameof(ImageSize)); }

    /// <summary>Side of a patch, in pixels.</summary>
    public required int PatchSize { get; init => field = Positive(value, nameof(PatchSize)); }

    /// <summary>Width D of a token.</summary>
    public required int EmbedDim { get; init => field = Positive(value, nameof(EmbedDim)); }

    /// <summary>How many transformer blocks there are.</summary>
    public required int Depth { get; init => field = Positive(value, nameof(Depth)); }

    /// <summary>How many attention heads a block has; divides <see cref="EmbedDim"/>.</summary>
    public required int NumHeads { get; init => field = Positive(value, nameof(NumHeads)); }

    /// <summary>Width of the hidden layer of a block's MLP. Default: 4 x <see cref="EmbedDim"/>, as in the published models up to ViT-L.</summary>
    public int IntermediateSize
    {
        get => field == 0 ? 4 * EmbedDim : field;
        init => field = Positive(value, nameof(IntermediateSize));
    }

    /// <summary>Whether queries, keys and values have a bias. Default: true, as in every published model.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>The initial factor on each branch of a block, or null for no factor. Default: 1 (the published evaluation models).</summary>
    public double? LayerScale { get; init; } = 1.0;

    /// <summary>How many register tokens there are. Default: 0; the published models with registers have 4.</summary>
    public int RegisterTokens { get; init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(RegisterTokens), value, "The count must not be negative."); }

    /// <summary>Whether shrinking the position table averages. Default: true with registers, else false (the published models).</summary>
    public bool InterpolateAntialias { get => _antialias ?? RegisterTokens > 0; init => _antialias = value; }

    /// <summary>Added to the patch counts when the position table is scaled; 0 resizes to the counts. Default: 0 with registers, else 0.1 (the published models).</summary>
    public double InterpolateOffset { get => _offset ?? (RegisterTokens > 0 ? 0 : 0.1); init => _offset = value; }

    /// <summary>Epsilon of the layer norms. Default: 1e-6 (facebookresearch/dinov2).</summary>
    public double NormEps { get; init; } = 1e-6;

    /// <summary>The class token's and the patches' count at <see cref="ImageSize"/>.</summary>
    internal int Positions => 1 + (ImageSize / PatchSize * (ImageSize / PatchSize));

    /// <summary>Reads Hugging Face's fields.</summary>
    /// <param name="json">A <c>config.json</c>.</param>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static DinoV2Config FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        int dim = json.GetPositive("hidden_size"), patch = json.GetSide("patch_size"), image = json.GetSide("image_size");
        json.GetChoice("hidden_act", "gelu", ("gelu", true));
        if (json.GetBoolean("use_swiglu_ffn", false))
            throw json.Fault("use_swiglu_ffn", "only the plain MLP is supported.");
        if (json.GetInt32("num_channels", 3) is not 3 and int channels)
            throw json.Fault("num_channels", $"expected 3, found {channels}.");
        if (image < patch)
            throw json.Fault("image_size", $"an image of {image} pixels is smaller than a patch of {patch}.");
        if (json.GetInt32("num_register_tokens", 0) is < 0 and int registers)
            throw json.Fault("num_register_tokens", $"the count {registers} is negative.");
        double hidden = dim * json.GetDouble("mlp_ratio", 4);
        if (hidden is not (>= 1 and <= int.MaxValue))
            throw json.Fault("mlp_ratio", $"it makes a hidden layer of {hidden} for a width of {dim}.");
        return new DinoV2Config
        {
            ImageSize = image,
            PatchSize = patch,
            EmbedDim = dim,
            Depth = json.GetPositive("num_hidden_layers"),
            NumHeads = json.GetHeads("num_attention_heads", dim),
            IntermediateSize = (int)hidden,
            QkvBias = json.GetBoolean("qkv_bias", true),
            LayerScale = json.GetDouble("layerscale_value", 1),
            RegisterTokens = json.GetInt32("num_register_tokens", 0),
            NormEps = json.GetDouble("layer_norm_eps", 1e-6),
        };
    }

    /// <summary>Reads the shape off a state dict under facebookresearch's names; what it does not tell is as in the published models.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static DinoV2Config FromWeights(ITensorSource state)
    {
        VitShape shape = VitShape.FromWeights(state);
        return new DinoV2Config
        {
            ImageSize = shape.ImageSize,
            PatchSize = shape.PatchSize,
            EmbedDim = shape.EmbedDim,
            Depth = shape.Depth,
            NumHeads = shape.NumHeads,
            IntermediateSize = shape.IntermediateSize,
            QkvBias = shape.QkvBias,
            RegisterTokens = state.Keys.Contains("register_tokens") ? state.Dimensions("register_tokens", 1, null, shape.EmbedDim)[1] : 0,
        };
    }

    /// <summary>Checks what no single property can.</summary>
    /// <exception cref="ArgumentException">The heads do not divide the width, or the image is smaller than a patch.</exception>
    internal void Validate()
    {
        if (EmbedDim % NumHeads != 0)
            throw new ArgumentException($"{NumHeads} heads do not divide a width of {EmbedDim}.");
        if (ImageSize < PatchSize)
            throw new ArgumentException($"An image of {ImageSize} pixels is smaller than a patch of {PatchSize}.");
    }

    private static int Positive(int value, string name)
        => value > 0 ? value : throw new ArgumentOutOfRangeException(name, value, "The value must be positive.");
}
