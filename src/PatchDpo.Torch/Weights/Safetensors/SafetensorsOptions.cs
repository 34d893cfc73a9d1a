using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights.Safetensors;

/// <summary>How a safetensors file is opened.</summary>
public sealed class SafetensorsOptions
{
    /// <summary>The largest header that is read, in bytes. Default 100,000,000 (the reference crate's limit).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 2 or does not fit a 32-bit length.</exception>
    public long MaxHeaderBytes
    {
        get;
        init => field = ArgumentRange.Within(value, 2, int.MaxValue);
    } = 100_000_000;

    /// <summary>Whether tensors lie in the file itself, mapped into memory, instead of being copied out of it. Default false.</summary>
    /// <remarks>
    /// Opening then takes no time and tensors no memory of their own: each page is read when it is first used, is shared with all processes
    /// that map the file, and is given back when memory is short. The mapping is private: writing into a tensor copies the
    /// page and leaves the file as it is. Tensors stay valid after the file is closed, renamed or replaced by another one. Copied as before are tensors
    /// that are asked for in another dtype or on another device, bools (whose bytes must be checked) and those that do not begin at a
    /// multiple of their element's size.
    /// For files that nobody changes in place while tensors of them are in use: <b>where such a file is cut short, or its disk fails, the
    /// process ends (SIGBUS) instead of throwing</b>, and what is written into it shows in the tensors.
    /// </remarks>
    public bool MemoryMap { get; init; }
}
