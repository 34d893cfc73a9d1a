using System.Numerics;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Loop;

/// <summary>An order of the numbers below a count that a key decides and nothing holds: the number at a place is computed.</summary>
/// <param name="count">How many numbers, at least 2.</param>
/// <param name="key">Decides the order.</param>
/// <remarks>
/// A Feistel network over the least even number of bits that holds them all, walked until it is below the count (Black and Rogaway, "Ciphers with
/// arbitrary finite domains", 2002): at most four rounds of it on the average, because the network's domain is less than four times as large.
/// </remarks>
internal sealed class KeyedPermutation(long count, ulong key)
{
    private const int Rounds = 6;

    private readonly int _half = (BitOperations.Log2((ulong)(count - 1)) + 2) / 2;

    /// <summary>The number at a place, from 0.</summary>
    public long At(long place)
    {
        ulong value = (ulong)place;
        do
            value = Permute(value);
        while (value >= (ulong)count);
        return (long)value;
    }

    private ulong Permute(ulong value)
    {
        ulong mask = (1UL << _half) - 1, left = value >> _half, right = value & mask;
        for (int round = 0; round < Rounds; round++)
            (left, right) = (right, left ^ (SeedMix.Mix((long)SeedMix.Mix((long)key, round), (long)right) & mask));
        return (left << _half) | right;
    }
}
