using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Models;

/// <summary>Holds the layers and tables that a configuration asks for against the weights, before any of them is made.</summary>
internal static class ModuleCounts
{
    // Below it the mismatch of the table's shape says more, and the memory is nothing.
    private const long SmallTable = 1 << 24;

    /// <summary>Checks that there are enough tensors: every layer has at least one of its own.</summary>
    /// <param name="json">The configuration.</param>
    /// <param name="field">The field that asks for the layers.</param>
    /// <param name="count">How many it asks for.</param>
    /// <param name="weights">The weights; only their names are looked at.</param>
    /// <exception cref="ModelConfigException">There are fewer tensors than layers.</exception>
    public static void RequireTensorsFor(this ModelConfig json, string field, long count, ITensorSource weights)
    {
        if (count > weights.Keys.Count)
            throw json.Fault(field, $"it asks for {count} layers, but '{weights.Path}' holds {weights.Keys.Count} tensors in all.");
    }

    /// <summary>Checks that the weights are large enough for a table of embeddings: TorchSharp takes memory for one even on the meta device.</summary>
    /// <param name="json">The configuration.</param>
    /// <param name="rows">The field that asks for the rows, and how many there are.</param>
    /// <param name="width">The field that asks for their width, and the width.</param>
    /// <param name="weights">The weights; only their names and shapes are looked at.</param>
    /// <exception cref="ModelConfigException">
    /// The table is large, and all tensors together have fewer numbers; the message names the field of the larger number.
    /// </exception>
    public static void RequireNumbersFor(this ModelConfig json, (string Field, long Count) rows, (string Field, long Count) width, ITensorSource weights)
    {
        long asked = rows.Count * width.Count;
        if (asked <= SmallTable)
            return;
        long held = weights.Keys.Sum(k => weights.Shape(k).Aggregate(1L, (product, side) => product * side));
        if (asked > held)
            throw json.Fault(rows.Count > width.Count ? rows.Field : width.Field,
                $"it asks for a table of {rows.Count} x {width.Count} numbers, but '{weights.Path}' holds {held} in all.");
    }
}
