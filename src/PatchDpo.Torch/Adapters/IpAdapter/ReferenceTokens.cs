using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>Several reference images become one image prompt.</summary>
internal static class ReferenceTokens
{
    /// <summary>Up to so many token sets, rows of different counts are repeated to be equally long: counts of 1 to 6 mix freely.</summary>
    public const int MaxCommonSets = 60;

    /// <summary>Averages the tokens of each object's references: <c>(sum of counts,N,C) -> (B,N,C)</c>.</summary>
    /// <param name="tokens">Tokens of all references, object by object; null where no object has any.</param>
    /// <param name="counts">How many references each object has, B values.</param>
    /// <param name="dropped">The tokens of a missing reference, <c>(1,N,C)</c>, which an object without references gets; null where each has some.</param>
    /// <remarks>The official generate_multi: the mean is taken after the Resampler.</remarks>
    public static Tensor Average(Tensor? tokens, IReadOnlyList<int> counts, Tensor? dropped = null)
        => Rows(tokens, counts, dropped, sets => sets.mean([0]));

    /// <summary>
    /// Puts the token sets of each row's references beside one another: <c>(sum of counts,N,C) -> (B,S*N,C)</c>, S as <see cref="CommonSets"/> tells.
    /// </summary>
    /// <param name="tokens">Tokens of all references, row by row; null where no row has any.</param>
    /// <param name="counts">How many references each row has, B values.</param>
    /// <param name="dropped">The tokens of a missing reference, <c>(1,N,C)</c>, which a row without references gets; null where each has some.</param>
    /// <exception cref="ArgumentException">The counts have no common multiple that is small enough.</exception>
    /// <remarks>
    /// The layout of MIP-Adapter (arXiv 2409.17920). Attention runs over all sets at once, as diffusers does it for several images;
    /// MIP-Adapter attends to each set apart and weighs the results by where the object's words attend. A row with fewer sets
    /// repeats them whole (not in the paper): softmax shares each weight among the equal tokens, so what attention gives does not change.
    /// </remarks>
    public static Tensor Concatenate(Tensor? tokens, IReadOnlyList<int> counts, Tensor? dropped = null)
    {
        using Tensor sets = Sets(tokens, counts, dropped);
        return sets.flatten(1, 2);
    }

    /// <summary>The same with the sets apart, whatever a set is: <c>(sum of counts,...) -> (B,S,...)</c>.</summary>
    /// <param name="sets">The sets of all references, row by row; null where no row has any.</param>
    /// <param name="counts">How many references each row has, B values.</param>
    /// <param name="dropped">The set of a missing reference, <c>(1,...)</c>, which a row without references gets; null where each has some.</param>
    /// <exception cref="ArgumentException">The counts have no common multiple that is small enough.</exception>
    public static Tensor Sets(Tensor? sets, IReadOnlyList<int> counts, Tensor? dropped = null)
    {
        int common = CommonSets(counts)
            ?? throw new ArgumentException($"Rows of {string.Join(", ", counts.Distinct())} references do not fit one batch.", nameof(counts));
        return Rows(sets, counts, dropped, rows => rows.repeat([common / rows.shape[0], .. Enumerable.Repeat(1L, (int)rows.dim() - 1)]));
    }

    /// <summary>The first set of each row: <c>(sum of counts,...) -> (B,...)</c>; a row without references gets the dropped one's.</summary>
    public static Tensor First(Tensor? sets, IReadOnlyList<int> counts, Tensor? dropped = null) => Rows(sets, counts, dropped, rows => rows.select(0, 0));

    /// <summary>
    /// The number of token sets that all rows of a batch can be brought to by repetition: the least common multiple of their counts; no references
    /// count as one. Null where counts above one differ and it is above <see cref="MaxCommonSets"/>.
    /// </summary>
    /// <remarks>What is not null for all rows of a data set is not null for any batch of it, dropped images included.</remarks>
    public static int? CommonSets(IEnumerable<int> counts)
    {
        int[] several = [.. counts.Where(c => c > 1).Distinct()];
        if (several.Length < 2)
            return several.FirstOrDefault(1);
        long common = 1;
        foreach (int count in several)
        {
            common *= count / (long)BigInteger.GreatestCommonDivisor(common, count);
            if (common > MaxCommonSets)
                return null;
        }
        return (int)common;
    }

    private static Tensor Rows(Tensor? tokens, IReadOnlyList<int> counts, Tensor? dropped, Func<Tensor, Tensor> fuse)
    {
        using DisposeScope scope = NewDisposeScope();
        long start = 0;
        var rows = new List<Tensor>(counts.Count);
        foreach (int count in counts)
        {
            rows.Add(fuse(count == 0 ? dropped! : tokens!.narrow(0, start, count)));
            start += count;
        }
        return stack(rows).MoveToOuterDisposeScope();
    }
}
