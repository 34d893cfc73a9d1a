using Ablation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Experiments;

/// <summary>What the ablation has trained it does not train again.</summary>
public sealed class KeptCurvesTests : IDisposable
{
    private static readonly Comparison TwoObjects = Comparison.All.Single(c => c.Name == "two-objects");
    private static readonly Comparison Merged = Comparison.All.Single(c => c.Name == "merged-objects");
    private static readonly Curve Trained = new(
        [new Outcome(1, 0.5, 0.25, 0.75, 1, 0.5)], [new ImageBuffer(1, 1, 3, [1, 2, 3])], ImplicitAccuracy: 0.5);

    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-curves-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Comparisons_on_the_same_data_share_curves_and_others_do_not()
    {
        var curves = new KeptCurves(Settings(keep: null));
        curves.Write(TwoObjects, 1, Method.Identity, Trained);
        Assert.Same(Trained, curves.Read(Merged, 1, Method.Identity));
        Assert.Null(curves.Read(Merged, 2, Method.Identity));
        Assert.Null(curves.Read(Merged, 1, Method.IdentityMerged));
        Assert.Null(curves.Read(Comparison.All.Single(c => c.Name == "changed-objects"), 1, Method.Identity));
    }

    [Fact]
    public void A_folder_keeps_them_with_the_pictures_that_the_report_shows()
    {
        var first = new KeptCurves(Settings(_folder));
        first.Write(TwoObjects, 1, Method.Identity, Trained);
        first.Write(TwoObjects, 2, Method.Identity, Trained);
        var later = new KeptCurves(Settings(_folder));
        Curve shown = later.Read(TwoObjects, 1, Method.Identity)!, other = later.Read(TwoObjects, 2, Method.Identity)!;
        Assert.Equal([1, 2, 3], Assert.Single(shown.Images).Pixels);
        Assert.Empty(other.Images);
        Assert.Equal((Trained.Full, Trained.ImplicitAccuracy), (other.Full, other.ImplicitAccuracy));
        // Of another learning rate nothing is known; nor of a first seed whose pictures were not kept.
        Assert.Null(new KeptCurves(Settings(_folder) with { LearningRate = 2 }).Read(TwoObjects, 1, Method.Identity));
        Assert.Null(new KeptCurves(Settings(_folder) with { Seeds = [2] }).Read(TwoObjects, 2, Method.Identity));
    }

    private static Settings Settings(string? keep) => new() { Seeds = [1, 2], Methods = [], Output = "", Keep = keep, Arguments = "" };
}
