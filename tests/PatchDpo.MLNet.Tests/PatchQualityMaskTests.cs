using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.PatchQuality;
using Options = PatchDpo.MLNet.PatchQualityScoringEstimator.Options;

namespace PatchDpo.MLNet.Tests;

public sealed class PatchQualityMaskTests(TinyModels models) : IClassFixture<TinyModels>, IDisposable
{
    private static readonly Options Masked = new() { GeneratedMaskColumnName = "GeneratedMask", ReferenceMaskColumnName = "ReferenceMask", BatchSize = 2 };

    private readonly MLContext _ml = new(1);
    private readonly PoolingEncoder _encoder = new();

    public void Dispose() => _encoder.Dispose();

    [Fact]
    public void Masks_pass_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromFolder(models.Dino), Masked), MaskedPairRow.Rows(_ml, 3),
            PairRow.Rows(_ml, 1));

    [Fact]
    public void Columns_of_masks_say_what_the_estimator_is_told_directly()
    {
        MaskedPairRow[] rows = MaskedPairRow.Create(3);
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        IDataView scored = Fit(Masked, data).Transform(data);
        IReadOnlyList<PatchQualityResult> direct = MaskedPairRow.Score(new PatchQualityEstimator(_encoder), rows);
        Assert.Equal(direct.Select(r => r.Score), scored.GetColumn<float>("PatchQualityScore"));
        Assert.Equal(direct.SelectMany(r => r.Generated.Values), scored.GetColumn<float[]>("GeneratedQuality").SelectMany(v => v));
        // The right half of a generated image, three of six columns, is no object.
        Assert.All(scored.GetColumn<float[]>("GeneratedQuality"), map => Assert.All(
            Enumerable.Range(0, map.Length).Where(i => i % 6 >= 3), i => Assert.Equal(1, map[i])));
    }

    [Fact]
    public void A_mask_without_an_object_names_its_row_and_column()
    {
        MaskedPairRow[] rows = MaskedPairRow.Create(3);
        rows[1].GeneratedMask = MaskedPairRow.Mask(left: true, light: 127);
        Fails(rows, 1, "GeneratedMask", "holds no object");
    }

    [Fact]
    public void A_missing_mask_names_its_row_and_column()
    {
        MaskedPairRow[] rows = MaskedPairRow.Create(3);
        rows[2].ReferenceMask = null;
        Fails(rows, 2, "ReferenceMask", "missing");
    }

    [Fact]
    public void Masks_of_references_are_given_or_found_but_not_both()
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => _ml.PatchDpo.ScorePatchQuality(
            ImageEncoder.FromInstance(_encoder), new Options { IgnorePlainBackground = true, ReferenceMaskColumnName = "Outline" }));
        Assert.Contains("IgnorePlainBackground", e.Message, StringComparison.Ordinal);
        Assert.Contains("'Outline'", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OldVersionScoring.First)]
    [InlineData(OldVersionScoring.Second)]
    [InlineData(OldVersionScoring.Third)]
    [InlineData(OldVersionScoring.Fourth)]
    public void A_model_saved_before_there_were_masks_several_objects_views_or_alignment_still_loads(uint version)
    {
        IDataView rows = PairRow.Rows(_ml, 2);
        ImageEncoder encoder = ImageEncoder.FromFolder(models.Dino);
        using PatchQualityScoringTransformer current = _ml.PatchDpo.ScorePatchQuality(encoder, new Options()).Fit(rows);
        using var loaded = (PatchQualityScoringTransformer)EstimatorCheck.Reload(_ml, OldVersionScoring.Of(current, encoder, version), rows.Schema, out _);
        Assert.Equal(current.Transform(rows).GetColumn<float>("PatchQualityScore"), loaded.Transform(rows).GetColumn<float>("PatchQualityScore"));
    }

    private PatchQualityScoringTransformer Fit(Options options, IDataView data)
        => _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options).Fit(data);

    private void Fails(MaskedPairRow[] rows, int row, string column, string reason)
    {
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        IDataView scored = Fit(Masked, data).Transform(data);
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => scored.GetColumn<float>("PatchQualityScore").ToArray());
        Assert.Equal((row, column), (e.Row, e.Column));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }
}
