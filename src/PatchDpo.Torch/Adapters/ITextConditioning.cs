using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;

namespace PatchDpo.Torch.Adapters;

/// <summary>How a family of models turns prompts into what its network is conditioned on.</summary>
internal interface ITextConditioning : IDisposable
{
    /// <summary>Width C of the hidden states.</summary>
    int Width { get; }

    /// <summary>Width P of the pooled text; null where there is none.</summary>
    int? PooledWidth { get; }

    /// <summary>The text encoders with their tokenizers, the first (SDXL: the smaller) first; they stay this object's.</summary>
    IReadOnlyList<TextTower> Towers { get; }

    /// <summary>Encodes prompts, without gradients: B rows, which the caller disposes.</summary>
    TextConditions Encode(IReadOnlyList<string> prompts);
}
