using System.Diagnostics.CodeAnalysis;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>The shape of a DINO vision transformer.</summary>
/// <remarks>Source: facebookresearch/dino <c>vision_transformer.py</c>; the JSON fields are those of Hugging Face's <c>ViTConfig</c>.</remarks>
public sealed record DinoConfig : VitConfig
{
    /// <summary>Creates a configuration of the properties that are set.</summary>
    public DinoConfig()
    {
    }

    [SetsRequiredMembers]
    private DinoConfig(VitShape shape) : base(shape)
    {
    }

    /// <summary>Reads Hugging Face's <c>ViTConfig</c> fields.</summary>
    /// <param name="json">A <c>config.json</c>.</param>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static DinoConfig FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.RequireKind("model_type", "vit", "dino");
        VitShape shape = VitShape.FromJson(json);
        return new DinoConfig(shape)
        {
            IntermediateSize = json.GetPositive("intermediate_size", shape.IntermediateSize),
            NormEps = json.GetEpsilon("layer_norm_eps", 1e-6),
        };
    }

    /// <summary>Reads the shape off a state dict under facebookresearch's names; what it does not tell is as in the published models.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static DinoConfig FromWeights(ITensorSource state) => new(VitShape.FromWeights(state));
}
