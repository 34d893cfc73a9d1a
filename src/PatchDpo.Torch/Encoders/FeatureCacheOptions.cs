using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Encoders;

/// <summary>How much a <see cref="FeatureCache"/> keeps, and where.</summary>
public sealed record FeatureCacheOptions
{
    /// <summary>
    /// The most bytes of patch features in memory, at least 0; what has not been used for longest goes first. A feature map of ViT-S/16 at 224 pixels
    /// has 301,056 bytes (14 x 14 patches of 384 float32). Default: 512 MiB.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 0.</exception>
    public long MaxBytes { get; init => field = ArgumentRange.Within(value, 0); } = 512L << 20;

    /// <summary>
    /// A folder in which features are kept for later runs and other processes; it need not be there. Below it each encoder has a folder of its own,
    /// named by the fingerprint of its weights and settings, with safetensors files in it. Null (default): features end with the process.
    /// </summary>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public string? Folder
    {
        get;
        init
        {
            if (value is not null)
                ArgumentException.ThrowIfNullOrEmpty(value);
            field = value;
        }
    }
}
