using System.Globalization;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Models;

/// <summary>Reads a model's shape off the shapes of its tensors, for checkpoints that come without a configuration.</summary>
internal static class StateShapes
{
    // Wider than any published encoder; keeps products of two sizes within 32 bits' reach of the modules' checks.
    private const long MaxSize = 1 << 16;

    /// <summary>A tensor's dimensions.</summary>
    /// <param name="state">The state dict.</param>
    /// <param name="key">The tensor.</param>
    /// <param name="expected">What each dimension must be; null for any positive number.</param>
    /// <exception cref="UnknownModelException">The tensor is missing or has another shape.</exception>
    public static int[] Dimensions(this ITensorSource state, string key, params ReadOnlySpan<int?> expected)
    {
        if (!state.Keys.Contains(key))
            throw new UnknownModelException(state.Path, key, "the tensor is missing.");
        long[] shape = state.Shape(key);
        bool fits = shape.Length == expected.Length;
        for (int i = 0; fits && i < shape.Length; i++)
            fits = expected[i] is int size ? shape[i] == size : shape[i] is > 0 and <= MaxSize;
        if (fits)
            return Array.ConvertAll(shape, s => (int)s);
        string[] wanted = new string[expected.Length];
        for (int i = 0; i < wanted.Length; i++)
            wanted[i] = expected[i]?.ToString(CultureInfo.InvariantCulture) ?? "n";
        throw new UnknownModelException(
            state.Path, key, $"the shape is [{string.Join(",", shape)}], expected [{string.Join(",", wanted)}] with n of 1 to {MaxSize}.");
    }

    /// <summary>How many modules of a numbered list there are, 0, 1, 2, …</summary>
    /// <param name="state">The state dict.</param>
    /// <param name="key">A tensor of each module, with {0} in place of the number.</param>
    /// <exception cref="UnknownModelException">There is none.</exception>
    public static int CountModules(this ITensorSource state, string key)
    {
        var keys = state.Keys.ToHashSet(StringComparer.Ordinal);
        int count = 0;
        while (keys.Contains(Numbered(count)))
            count++;
        return count > 0 ? count : throw new UnknownModelException(state.Path, Numbered(0), "the tensor is missing.");

        string Numbered(int index) => key.Replace("{0}", index.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    /// <summary>The side of the square grid that a table of positions has beside its class token's.</summary>
    /// <exception cref="UnknownModelException">The positions are not those of a square.</exception>
    public static int GridSide(this ITensorSource state, string key, int positions)
    {
        int side = (int)Math.Sqrt(positions - 1);
        return side > 0 && side * side == positions - 1
            ? side
            : throw new UnknownModelException(state.Path, key, $"{positions} positions are not a class token's and those of a square grid.");
    }

    /// <summary>How many attention heads a transformer of this width has: the published ones' heads are 64 wide.</summary>
    /// <exception cref="UnknownModelException">64 does not divide the width.</exception>
    public static int Heads(this ITensorSource state, string key, int width)
    {
        const int HeadWidth = 64;
        return width % HeadWidth == 0
            ? width / HeadWidth
            : throw new UnknownModelException(state.Path, key, $"weights do not tell the number of attention heads, and a width of {width} is no multiple "
                + $"of the published models' {HeadWidth}: open a folder with a config.json.");
    }
}
