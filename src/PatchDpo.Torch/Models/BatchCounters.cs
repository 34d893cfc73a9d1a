using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Models;

/// <summary>How many batches a batch normalisation has seen: a count that checkpoints from before PyTorch 0.4.1 lack.</summary>
internal static class BatchCounters
{
    private const string Mean = ".running_mean", Count = ".num_batches_tracked";

    /// <summary>The source itself, or with a count of 0 wherever a normalisation has none, as PyTorch loads such checkpoints.</summary>
    public static ITensorSource Complete(ITensorSource source)
    {
        var present = source.Keys.ToHashSet(StringComparer.Ordinal);
        string[] missing = [.. present.Where(k => k.EndsWith(Mean, StringComparison.Ordinal)).Select(k => k[..^Mean.Length] + Count)
            .Where(k => !present.Contains(k))];
        if (missing.Length == 0)
            return source;
        Dictionary<string, MappedTensor> map = source.Keys.ToDictionary(k => k, MappedTensor.Copy, StringComparer.Ordinal);
        foreach (string key in missing)
            map[key] = new MappedTensor(MappedTensorKind.Zero, []);
        return new MappedTensorSource(source, map);
    }
}
