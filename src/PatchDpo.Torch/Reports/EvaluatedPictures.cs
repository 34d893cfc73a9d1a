using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Reports;

/// <summary>The maps of an evaluated image against all of its subject's photos.</summary>
/// <param name="Generated">For each patch of the image, how well the photo that has it best has it.</param>
/// <param name="GeneratedMask">What it covers; null: all of it.</param>
/// <param name="Photo">The photo that is shown: the one with the highest score.</param>
/// <param name="Reference">For each patch of that photo, how well the image has it.</param>
/// <param name="ReferenceMask">What it covers; null: all of it.</param>
/// <param name="Worst">The image's worst patches.</param>
internal sealed record EvaluatedPictures(
    QualityMap Generated, bool[,]? GeneratedMask, int Photo, QualityMap Reference, bool[,]? ReferenceMask, IReadOnlyList<WorstPatch> Worst)
{
    /// <summary>Both maps.</summary>
    public IEnumerable<(QualityMap, bool[,]?)> Maps => [(Generated, GeneratedMask), (Reference, ReferenceMask)];

    /// <summary>Scores an image's patches.</summary>
    public static EvaluatedPictures Score(EvaluationRow row, PatchQualityEstimator estimator)
    {
        IReadOnlyList<PatchQualityResult> results = estimator.Score(
            [.. row.References.Select(_ => row.Generated)], row.References, row.ReferenceMasks, [.. row.References.Select(_ => row.GeneratedMask)]);
        QualityMap first = results[0].Generated;
        // A patch is there where any photo has it: photos show an object from several sides.
        QualityMap best = new(first.Height, first.Width, [.. first.Values.Select((_, i) => results.Max(r => r.Generated.Values[i]))]);
        int photo = results.Index().MaxBy(r => r.Item.Score).Index;
        return new EvaluatedPictures(
            best, row.GeneratedMask, photo, results[photo].Reference, row.ReferenceMasks?[photo],
            WorstPatch.Find(best, row.Generated.Width, row.Generated.Height, PictureSet.NamedPatches, row.GeneratedMask));
    }

    /// <summary>The shown photo with what was lost of it.</summary>
    public Pane ReferencePane(EvaluationRow row)
        => new(Title(row), row.References[Photo], "Heat map: found in the generation", Reference, ReferenceMask);

    /// <summary>The image with what was made up.</summary>
    public Pane GeneratedPane(EvaluationRow row, string caption) => new(
        caption, row.Generated, $"Heat map: found in {(row.References.Count > 1 ? "any reference" : "the reference")}", Generated, GeneratedMask, Worst);

    /// <summary>An image without maps.</summary>
    public static IReadOnlyList<Pane> WithoutMaps(EvaluationRow row) => [new(Title(row), row.References[0]), new("Generation", row.Generated)];

    private static string Title(EvaluationRow row) => row.References.Count > 1 ? $"Reference, the nearest of {row.References.Count}" : "Reference";
}
