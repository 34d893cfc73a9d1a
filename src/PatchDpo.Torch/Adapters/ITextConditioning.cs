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

    /// <summary>What cuts a prompt to the encoders' length, one of each encoder.</summary>
    IReadOnlyList<ClipTokenizer> Tokenizers { get; }

    /// <summary>Encodes prompts, without gradients: B rows, which the caller disposes.</summary>
    TextConditions Encode(IReadOnlyList<string> prompts);
}
