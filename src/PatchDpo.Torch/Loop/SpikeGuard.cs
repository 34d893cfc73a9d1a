namespace PatchDpo.Torch.Loop;

/// <summary>Tells steps whose gradients are far longer than those of the steps before.</summary>
/// <param name="factor">How many times as long as their mean.</param>
/// <remarks>Ours. The mean fades over about 50 steps, and takes of a spike no more than what just passes: where gradients stay long, it follows.</remarks>
internal sealed class SpikeGuard(double factor)
{
    // Before, the mean says little.
    private const int FirstSteps = 20;

    private const double Share = 0.02;

    /// <summary>The mean of the norms so far.</summary>
    public double Mean { get; set; }

    /// <summary>Steps that were looked at.</summary>
    public long Count { get; set; }

    /// <summary>Takes in a step's norm; returns whether it is a spike.</summary>
    public bool IsSpike(double norm)
    {
        bool isSpike = Count >= FirstSteps && norm > factor * Mean;
        Count++;
        // A plain mean until there are enough of them.
        Mean += (Math.Min(norm, isSpike ? factor * Mean : norm) - Mean) * Math.Max(Share, 1.0 / Count);
        return isSpike;
    }
}
