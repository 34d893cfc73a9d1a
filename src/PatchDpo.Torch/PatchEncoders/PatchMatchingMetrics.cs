namespace PatchDpo.Torch.PatchEncoders;

/// <summary>How often patches of photos found their counterparts (see <see cref="PatchMatchingAccuracy"/>).</summary>
public sealed class PatchMatchingMetrics
{
    internal PatchMatchingMetrics(IReadOnlyList<double> perPair, int patches)
    {
        PerPair = perPair;
        Patches = patches;
        Accuracy = perPair.Where(double.IsFinite).Average();
    }

    /// <summary>The share of right matches, 0..1: the mean over the pairs that share a patch.</summary>
    public double Accuracy { get; }

    /// <summary>Each pair's share, in order; NaN where its photos share no patch.</summary>
    public IReadOnlyList<double> PerPair { get; }

    /// <summary>How many patches were asked in all.</summary>
    public int Patches { get; }
}
