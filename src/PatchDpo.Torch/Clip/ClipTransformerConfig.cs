using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Clip;

/// <summary>What CLIP's text tower and vision tower have in common.</summary>
/// <remarks>The JSON fields are those of Hugging Face's <c>CLIPTextConfig</c> and <c>CLIPVisionConfig</c>.</remarks>
public abstract record ClipTransformerConfig
{
    /// <summary>Width D of a token.</summary>
    public required int HiddenSize { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>How many transformer layers there are.</summary>
    public required int NumLayers { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>How many attention heads a layer has; divides <see cref="HiddenSize"/>.</summary>
    public required int NumHeads { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>Width of the hidden layer of a layer's MLP. Default: 4 x <see cref="HiddenSize"/>, as in every published CLIP model.</summary>
    public int IntermediateSize
    {
        get => field == 0 ? 4 * HiddenSize : field;
        init => field = ArgumentRange.Within(value, 1);
    }

    /// <summary>The MLPs' activation. Default: OpenAI's.</summary>
    public ClipActivation Activation { get; init; } = ClipActivation.QuickGelu;

    /// <summary>Epsilon of the layer norms. Default: 1e-5 (openai/CLIP).</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>Width of the shared embedding space, or null for a tower without a projection.</summary>
    public int? ProjectionDim { get; init => field = value is int v ? ArgumentRange.Within(v, 1) : null; }

    /// <summary>Checks what no single property can.</summary>
    /// <exception cref="ArgumentException">The heads do not divide the width, for one.</exception>
    internal virtual void Validate()
    {
        if (HiddenSize % NumHeads != 0)
            throw new ArgumentException($"{NumHeads} heads do not divide a width of {HiddenSize}.");
    }

    /// <summary>The field <c>hidden_act</c>.</summary>
    private protected static ClipActivation ReadActivation(ModelConfig json)
        => json.GetChoice("hidden_act", "quick_gelu", ("quick_gelu", ClipActivation.QuickGelu), ("gelu", ClipActivation.Gelu));

    /// <summary>The field <c>projection_dim</c>, which a whole model's file gives for both towers; 512 is transformers' default.</summary>
    private protected static int ReadProjectionDim(ModelConfig json) => json.GetPositive("projection_dim", 512);
}
