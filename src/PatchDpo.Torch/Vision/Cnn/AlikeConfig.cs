using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>The shape of an ALIKE network.</summary>
/// <remarks>Source: Shiaoming/ALIKE <c>alike.py</c>, <c>configs</c>.</remarks>
internal sealed record AlikeConfig
{
    /// <summary>ALIKE-T, the smallest: 83 thousand parameters.</summary>
    public static AlikeConfig Tiny { get; } = new() { Channels = [8, 16, 32, 64], DescriptorDim = 64 };

    /// <summary>Channels of the four blocks.</summary>
    public required IReadOnlyList<int> Channels
    {
        get;
        init => field = value is { Count: 4 } && value.All(n => n > 0)
            ? [.. value]
            : throw new ArgumentException("ALIKE has four blocks of at least one channel.", nameof(Channels));
    }

    /// <summary>Width of a descriptor, a multiple of 4: each block gives a quarter.</summary>
    public required int DescriptorDim
    {
        get;
        init => field = value > 0 && value % 4 == 0 ? value
            : throw new ArgumentOutOfRangeException(nameof(DescriptorDim), value, "The width is a positive multiple of 4.");
    }

    /// <summary>Whether one convolution makes the descriptors rather than two. Default: true; false in ALIKE-L alone.</summary>
    public bool SingleHead { get; init; } = true;

    /// <summary>Reads the shape off a state dict.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static AlikeConfig FromWeights(ITensorSource state)
    {
        int dim = state.Dimensions("convhead2.weight", null, null, 1, 1)[1];
        return dim % 4 == 0
            ? new AlikeConfig
            {
                Channels = [.. Enumerable.Range(1, 4).Select(i => state.Dimensions($"block{i}.conv1.weight", null, null, 3, 3)[0])],
                DescriptorDim = dim,
                SingleHead = !state.Keys.Contains("convhead1.weight"),
            }
            : throw new UnknownModelException(
                state.Path, "convhead2.weight", $"a descriptor of {dim} values cannot have a quarter from each of ALIKE's blocks.");
    }
}
