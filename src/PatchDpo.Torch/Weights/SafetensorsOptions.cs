namespace PatchDpo.Torch.Weights;

/// <summary>Limits when a safetensors file is opened.</summary>
public sealed class SafetensorsOptions
{
    /// <summary>The largest header that is read, in bytes. Default 100,000,000 (the reference crate's limit).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 2 or does not fit a 32-bit length.</exception>
    public long MaxHeaderBytes
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 2);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, int.MaxValue);
            field = value;
        }
    } = 100_000_000;
}
