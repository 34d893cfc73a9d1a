using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>Several reference images of one object become one image prompt.</summary>
internal static class ReferenceTokens
{
    /// <summary>Averages the tokens of each object's references: <c>(sum of counts,N,C) -> (B,N,C)</c>.</summary>
    /// <param name="tokens">Tokens of all references, object by object; null where no object has any.</param>
    /// <param name="counts">How many references each object has, B values.</param>
    /// <param name="dropped">The tokens of a missing reference, <c>(1,N,C)</c>, which an object without references gets; null where each has some.</param>
    /// <remarks>The official generate_multi: the mean is taken after the Resampler.</remarks>
    public static Tensor Average(Tensor? tokens, IReadOnlyList<int> counts, Tensor? dropped = null)
    {
        using DisposeScope scope = NewDisposeScope();
        long start = 0;
        var rows = new List<Tensor>(counts.Count);
        foreach (int count in counts)
        {
            rows.Add(count == 0 ? dropped![0] : tokens!.narrow(0, start, count).mean([0]));
            start += count;
        }
        return stack(rows).MoveToOuterDisposeScope();
    }
}
