using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Adapters;

/// <summary>MS-Diffusion's automatic layout: where the words of an object's name are attended to, the object lies.</summary>
public sealed record AutomaticLayout
{
    /// <summary>What a map's value, brought to 0..1, has to exceed for a cell to be the object's, 0 to 1. Default 0.5 (the official script).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double Threshold { get; init => field = ArgumentRange.Within(value, 0, 1); } = 0.5;

    /// <summary>The network's call from which on it holds, at least 1; the boxes hold before. Default 5 (the official script).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int StartStep { get; init => field = ArgumentRange.Within(value, 1); } = 5;
}
