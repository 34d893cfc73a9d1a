namespace PatchDpo.Torch.Weights;

/// <summary>Holds the layers that a configuration asks for against the weights, before any of them is made.</summary>
internal static class ModuleCounts
{
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
}
