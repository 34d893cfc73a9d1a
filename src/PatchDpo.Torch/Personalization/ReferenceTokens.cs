using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>Several reference images of one object become one image prompt.</summary>
internal static class ReferenceTokens
{
    /// <summary>Averages the tokens of each object's references: <c>(sum of counts,N,C) -> (B,N,C)</c>.</summary>
    /// <param name="tokens">Tokens of all references, object by object.</param>
    /// <param name="counts">How many references each object has, B values.</param>
    /// <remarks>The official generate_multi: the mean is taken after the Resampler.</remarks>
    public static Tensor Average(Tensor tokens, IReadOnlyList<int> counts)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = tokens.split([.. counts.Select(c => (long)c)]);
        return stack(parts.Select(p => p.mean([0]))).MoveToOuterDisposeScope();
    }
}
