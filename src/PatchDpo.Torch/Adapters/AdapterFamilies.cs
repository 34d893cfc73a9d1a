using System.Collections.Immutable;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Adapters;

/// <summary>The families of adapters that can be loaded.</summary>
internal static class AdapterFamilies
{
    private static ImmutableList<AdapterFamily> s_all = [];

    /// <summary>All of them; the first that recognises a file reads it.</summary>
    public static IReadOnlyList<AdapterFamily> All => s_all;

    /// <summary>Adds families behind those that are there.</summary>
    public static void Register(params AdapterFamily[] families) => ImmutableInterlocked.Update(ref s_all, all => all.AddRange(families));

    /// <summary>The family that is called so, in any case.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static AdapterFamily Named(string name) => All.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException($"There is no family of adapters '{name}': {string.Join(", ", All.Select(f => f.Name))}.", nameof(name));

    /// <summary>The family that a file is of; the first, whose check says what the file is instead, where it is of none.</summary>
    /// <exception cref="WeightsFormatException">It is no weight file, or a damaged one.</exception>
    public static AdapterFamily Of(string path)
    {
        using ITensorFile file = WeightsFile.OpenStateDict(path);
        return All.FirstOrDefault(f => f.Recognizes(file)) ?? All[0];
    }
}
