using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>Looks whether what a part of a model gave can be computed with; one pass over the numbers.</summary>
internal static class FiniteOutput
{
    /// <summary>Beyond this a number's square leaves float32, and a norm or a cosine is wrong without being NaN.</summary>
    public const double Largest = 1e18;

    /// <summary>The first row that holds NaN, an infinite number or one beyond <see cref="Largest"/>; -1 where there is none. <c>(B,...)</c></summary>
    public static int FirstBad(Tensor rows)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = rows.flatten(1);
        // Both are NaN where any number is; no copy of the numbers is made.
        ReadOnlySpan<float> low = flat.amin([1L]).to(ScalarType.Float32).cpu().data<float>().ToArray(),
            high = flat.amax([1L]).to(ScalarType.Float32).cpu().data<float>().ToArray();
        for (int i = 0; i < low.Length; i++)
            if (!(low[i] >= -Largest && high[i] <= Largest))
                return i;
        return -1;
    }

    /// <summary>Whether all numbers of a tensor can be computed with.</summary>
    public static bool Holds(Tensor tensor)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return tensor.numel() == 0 || FirstBad(tensor.reshape(1, -1)) < 0;
    }

    /// <summary>Checks rows.</summary>
    /// <param name="rows">What the part gave, <c>(B,...)</c>.</param>
    /// <param name="part">Its name at the beginning of a sentence.</param>
    /// <param name="module">The part; names the file of its weights.</param>
    /// <param name="output">What the rows are, in the plural.</param>
    /// <param name="item">Names the item that a row is of.</param>
    /// <exception cref="NonFiniteOutputException">A row cannot be computed with.</exception>
    public static void Check(Tensor rows, string part, object module, string output, Func<int, string> item)
    {
        if (FirstBad(rows) is >= 0 and int bad)
            throw new NonFiniteOutputException(part, WeightsOrigin.Of(module), output, item(bad), bad, rows.dtype);
    }

    /// <summary>Runs a call whose items the caller knows by other names.</summary>
    /// <param name="call">May throw for one of its items.</param>
    /// <param name="rename">An item's index in the call to the caller's name and index.</param>
    /// <exception cref="NonFiniteOutputException">Under the caller's name.</exception>
    public static T Renamed<T>(Func<T> call, Func<int, (string Item, int Index)> rename)
    {
        try
        {
            return call();
        }
        catch (NonFiniteOutputException e)
        {
            (string item, int index) = rename(e.Index);
            throw e.For(item, index);
        }
    }
}
