using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>Limits when a pickle or a PyTorch checkpoint is opened.</summary>
public sealed class TorchCheckpointOptions
{
    /// <summary>
    /// The largest pickle within a checkpoint, the largest zip directory, in bytes, and the longest names of all entries together, in characters.
    /// Default 64 million: they hold names, not values.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int MaxPickleBytes
    {
        get;
        init => field = ArgumentRange.Within(value, 1);
    } = 64_000_000;

    /// <summary>
    /// The largest number of operations of one pickle, each of which makes at most one small object. Default 4,000,000; a UNet's checkpoint has about
    /// 50,000.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int MaxPickleOperations
    {
        get;
        init => field = ArgumentRange.Within(value, 1);
    } = 4_000_000;

    /// <summary>How many times as large as their storages all tensors together may be, because tensors may share storages (tied weights). Default 16.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int MaxSharing
    {
        get;
        init => field = ArgumentRange.Within(value, 1);
    } = 16;

    /// <summary>Whether the checksums of a zip checkpoint are compared when a tensor is read. Default true.</summary>
    public bool VerifyChecksums { get; init; } = true;
}
