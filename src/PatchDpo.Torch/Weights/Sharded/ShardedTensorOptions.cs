using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights.Safetensors;

namespace PatchDpo.Torch.Weights.Sharded;

/// <summary>How sharded weights are opened.</summary>
public sealed class ShardedTensorOptions
{
    /// <summary>The largest index that is read, in bytes. Default 64 MB: it holds names, not values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int MaxIndexBytes
    {
        get;
        init => field = ArgumentRange.Within(value, 1);
    } = 64_000_000;

    /// <summary>The largest number of shards, all of which are open at once. Default 1000.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int MaxShards
    {
        get;
        init => field = ArgumentRange.Within(value, 1);
    } = 1000;

    /// <summary>How the shards that are safetensors files are opened.</summary>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public SafetensorsOptions Safetensors
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value;
        }
    } = new();
}
