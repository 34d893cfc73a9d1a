namespace PatchDpo.Torch.Foundation;

/// <summary>Makes seeds of seeds and counters: a draw's numbers depend on what it is for, not on what was drawn before.</summary>
internal static class SeedMix
{
    /// <summary>A seed for the draw with a number, under a seed.</summary>
    /// <remarks>
    /// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the generator with this seed, at this place of its stream. Its finaliser parts neighbouring
    /// seeds and numbers, which must not give related generators.
    /// </remarks>
    public static ulong Mix(long seed, long number)
    {
        ulong z = unchecked((ulong)seed + (((ulong)number + 1) * 0x9E3779B97F4A7C15));
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return z ^ (z >> 31);
    }
}
