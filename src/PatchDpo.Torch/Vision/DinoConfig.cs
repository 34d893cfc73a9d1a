using PatchDpo.Torch.Vision.Vit;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision;

/// <summary>The shape of a DINO vision transformer.</summary>
/// <remarks>Source: facebookresearch/dino <c>vision_transformer.py</c>; the JSON fields are those of Hugging Face's <c>ViTConfig</c>.</remarks>
public sealed record DinoConfig
{
    /// <summary>Side of the square training images, in pixels; gives the size of the position table.</summary>
    public required int ImageSize { get; init => field = Positive(value, nameof(ImageSize)); }

    /// <summary>Side of a patch, in pixels.</summary>
    public required int PatchSize { get; init => field = Positive(value, nameof(PatchSize)); }

    /// <summary>Width D of a token.</summary>
    public required int EmbedDim { get; init => field = Positive(value, nameof(EmbedDim)); }

    /// <summary>How many transformer blocks there are.</summary>
    public required int Depth { get; init => field = Positive(value, nameof(Depth)); }

    /// <summary>How many attention heads a block has; divides <see cref="EmbedDim"/>.</summary>
    public required int NumHeads { get; init => field = Positive(value, nameof(NumHeads)); }

    /// <summary>Width of the hidden layer of a block's MLP. Default: 4 x <see cref="EmbedDim"/>, as in every published DINO model.</summary>
    public int IntermediateSize
    {
        get => field == 0 ? 4 * EmbedDim : field;
        init => field = Positive(value, nameof(IntermediateSize));
    }

    /// <summary>Whether queries, keys and values have a bias. Default: true, as in every published DINO model.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>Epsilon of the layer norms. Default: 1e-6 (facebookresearch/dino); Hugging Face's own default is 1e-12.</summary>
    public double NormEps { get; init; } = 1e-6;

    /// <summary>Reads Hugging Face's <c>ViTConfig</c> fields.</summary>
    /// <param name="json">A <c>config.json</c>.</param>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static DinoConfig FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        int dim = json.GetPositive("hidden_size"), patch = json.GetSide("patch_size"), image = json.GetSide("image_size");
        json.GetChoice("hidden_act", "gelu", ("gelu", true));
        if (json.GetInt32("num_channels", 3) is not 3 and int channels)
            throw json.Fault("num_channels", $"expected 3, found {channels}.");
        if (image < patch)
            throw json.Fault("image_size", $"an image of {image} pixels is smaller than a patch of {patch}.");
        return new DinoConfig
        {
            ImageSize = image,
            PatchSize = patch,
            EmbedDim = dim,
            Depth = json.GetPositive("num_hidden_layers"),
            NumHeads = json.GetHeads("num_attention_heads", dim),
            IntermediateSize = json.GetPositive("intermediate_size", 4 * dim),
            QkvBias = json.GetBoolean("qkv_bias", true),
            NormEps = json.GetDouble("layer_norm_eps", 1e-6),
        };
    }

    /// <summary>Reads the shape off a state dict under facebookresearch's names; what it does not tell is as in the published models.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static DinoConfig FromWeights(ITensorSource state)
    {
        VitShape shape = VitShape.FromWeights(state);
        return new DinoConfig
        {
            ImageSize = shape.ImageSize,
            PatchSize = shape.PatchSize,
            EmbedDim = shape.EmbedDim,
            Depth = shape.Depth,
            NumHeads = shape.NumHeads,
            IntermediateSize = shape.IntermediateSize,
            QkvBias = shape.QkvBias,
        };
    }

    /// <summary>The class token's and the patches' count at <see cref="ImageSize"/>.</summary>
    internal int Positions => 1 + (ImageSize / PatchSize * (ImageSize / PatchSize));

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
