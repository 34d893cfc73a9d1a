using Ablation;

namespace PatchDpo.Torch.Tests.Experiments;

/// <summary>The report of local faults says how much of the oracle's lead an estimate of p has.</summary>
public sealed class AblationLeadTests
{
    [Fact]
    public void A_lead_is_over_image_level_weights_of_the_same_mass_and_is_compared_with_the_oracles()
    {
        Comparison faults = Comparison.All.Single(c => c.Name == "local-faults");
        Method[] methods = [Method.Base, Method.OraclesMass, Method.Oracle, Method.AlignedsMass, Method.Aligned];
        double[] dino = [0.4, 0.3, 0.5, 0.35, 0.5], wrong = [0.4, 0.6, 0.4, 0.6, 0.5];
        // Two seeds, of which the second is better by the same everywhere.
        Curve[] curves = [.. new[] { 0, 0.01 }.SelectMany(better => methods.Select(
            (_, i) => new Curve([new Outcome(1, dino[i] + better, wrong[i] - better, 0.7, 1, 0.5)], [], ImplicitAccuracy: null)))];
        string tables = Report.Tables(new Finished(faults, new Results(methods, curves), new SeedData([], [])));
        Assert.Contains("| PatchDPO, oracle | +0.200 [+0.200, +0.200] | 100 % | -0.200 [-0.200, -0.200] | 100 % |", tables, StringComparison.Ordinal);
        Assert.Contains("| PatchDPO, aligned objects | +0.150 [+0.150, +0.150] | 75 % | -0.100 [-0.100, -0.100] | 50 % |", tables, StringComparison.Ordinal);
        Assert.DoesNotContain("| PatchDPO, identity |", tables, StringComparison.Ordinal);
    }
}
