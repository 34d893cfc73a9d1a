using System.Diagnostics.CodeAnalysis;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>The shape of a DINOv2 vision transformer; the published models were trained on images of 518 pixels.</summary>
/// <remarks>
/// Source: facebookresearch/dinov2 <c>models/vision_transformer.py</c>; the JSON fields are those of Hugging Face's
/// <c>Dinov2Config</c> and <c>Dinov2WithRegistersConfig</c>.
/// </remarks>
public sealed record DinoV2Config : VitConfig
{
    private const double MaxLayerScale = 1e6;

    // Sixteen times the widest token.
    private const int MaxHidden = 16 * ConfigFields.MaxSize;

    private readonly bool? _antialias;
    private readonly double? _offset;

    /// <summary>Creates a configuration of the properties that are set.</summary>
    public DinoV2Config()
    {
    }

    [SetsRequiredMembers]
    private DinoV2Config(VitShape shape) : base(shape)
    {
    }

    /// <summary>The initial factor on each branch of a block, or null for no factor. Default: 1 (the published evaluation models).</summary>
    public double? LayerScale { get; init; } = 1.0;

    /// <summary>How many register tokens there are. Default: 0; the published models with registers have 4.</summary>
    public int RegisterTokens { get; init => field = ArgumentRange.Within(value, 0); }

    /// <summary>Whether shrinking the position table averages. Default: true with registers, else false (the published models).</summary>
    public bool InterpolateAntialias { get => _antialias ?? RegisterTokens > 0; init => _antialias = value; }

    /// <summary>
    /// Added to the patch counts when the position table is scaled; 0 resizes to the counts. Default: 0 with registers, else 0.1 (the published
    /// models).
    /// </summary>
    public double InterpolateOffset { get => _offset ?? (RegisterTokens > 0 ? 0 : 0.1); init => _offset = value; }

    /// <summary>Reads Hugging Face's fields.</summary>
    /// <param name="json">A <c>config.json</c>.</param>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static DinoV2Config FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.RequireKind("model_type", "dinov2", "dinov2_with_registers");
        VitShape shape = VitShape.FromJson(json);
        if (json.GetBoolean("use_swiglu_ffn", false))
            throw json.Fault("use_swiglu_ffn", "only the plain MLP is supported.");
        int registers = json.GetInt32("num_register_tokens", 0);
        if (registers is < 0 or > ConfigFields.MaxSize)
            throw json.Fault("num_register_tokens",
                $"the count {registers} is {(registers < 0 ? "negative" : $"more than the {ConfigFields.MaxSize} that are supported")}.");
        double scale = json.GetDouble("layerscale_value", 1);
        if (!(Math.Abs(scale) <= MaxLayerScale))
            throw json.Fault("layerscale_value", $"{scale:g} is no factor of a block's branches.");
        double hidden = shape.EmbedDim * json.GetDouble("mlp_ratio", 4);
        if (hidden is not (>= 1 and <= MaxHidden))
            throw json.Fault("mlp_ratio", $"it makes a hidden layer of {hidden} for a width of {shape.EmbedDim}.");
        return new DinoV2Config(shape)
        {
            IntermediateSize = (int)hidden,
            LayerScale = scale,
            RegisterTokens = registers,
            NormEps = json.GetEpsilon("layer_norm_eps", 1e-6),
        };
    }

    /// <summary>Reads the shape off a state dict under facebookresearch's names; what it does not tell is as in the published models.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static DinoV2Config FromWeights(ITensorSource state)
    {
        VitShape shape = VitShape.FromWeights(state);
        return new DinoV2Config(shape)
        {
            RegisterTokens = state.Keys.Contains("register_tokens") ? state.Dimensions("register_tokens", 1, null, shape.EmbedDim)[1] : 0,
        };
    }
}
