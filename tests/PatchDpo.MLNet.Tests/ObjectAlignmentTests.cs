using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.PatchQuality;
using Options = PatchDpo.MLNet.PatchQualityScoringEstimator.Options;

namespace PatchDpo.MLNet.Tests;

/// <summary>The alignment of objects as an option of scoring.</summary>
public sealed class ObjectAlignmentTests(TinyModels models) : IClassFixture<TinyModels>, IDisposable
{
    private static readonly ObjectAlignment Chosen = new()
    {
        Displacement = 3, Smoothing = 0.5, Percentile = 60, Margin = 2, InPlace = new WeightMapping(-1, 2, 1), Moved = new WeightMapping(-2, 3, 2),
        ColorSpread = 0.7,
    };

    private static readonly Options Aligned = new()
    {
        GeneratedMaskColumnName = "GeneratedMask", ReferenceMaskColumnName = "ReferenceMask", ObjectAlignment = Chosen, BatchSize = 2,
    };

    private readonly MLContext _ml = new(1);
    private readonly PoolingEncoder _encoder = new();

    public void Dispose() => _encoder.Dispose();

    // What is saved is read again: the loaded model's columns are compared.
    [Fact]
    public void It_passes_what_MLNET_checks_of_its_own_and_is_saved()
        => EstimatorCheck.Run(_ml, _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromFolder(models.Dino), Aligned), MaskedPairRow.Rows(_ml, 3),
            PairRow.Rows(_ml, 1));

    [Fact]
    public void It_says_what_the_estimator_is_told_directly()
    {
        MaskedPairRow[] rows = MaskedPairRow.Create(5);
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        using PatchQualityScoringTransformer aligned = Fit(Aligned, data);
        IDataView scored = aligned.Transform(data);
        IReadOnlyList<PatchQualityResult> direct = MaskedPairRow.Score(new PatchQualityEstimator(_encoder, objectAlignment: Chosen), rows);
        Assert.Equal(direct.Select(r => r.Score), scored.GetColumn<float>("PatchQualityScore"));
        Assert.Equal(direct.SelectMany(r => r.Generated.Values), scored.GetColumn<float[]>("GeneratedQuality").SelectMany(v => v));
        Assert.Equal(direct.SelectMany(r => r.Reference.Values), scored.GetColumn<float[]>("ReferenceQuality").SelectMany(v => v));
    }

    [Fact]
    public void A_reference_whose_background_is_not_plain_is_named_by_its_row()
    {
        MaskedPairRow[] rows = MaskedPairRow.Create(3);
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        using PatchQualityScoringTransformer plain = Fit(
            new Options { GeneratedMaskColumnName = "GeneratedMask", IgnorePlainBackground = true, ObjectAlignment = Chosen, BatchSize = 2 }, data);
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => plain.Transform(data).GetColumn<float>("PatchQualityScore").ToArray());
        Assert.Equal((0, "Reference"), (e.Row, e.Column));
        Assert.Contains("the background is not plain", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Masks_of_both_images_are_asked_for_and_no_views()
    {
        Refused(new Options { ObjectAlignment = Chosen }, "GeneratedMaskColumnName");
        Refused(new Options { ObjectAlignment = Chosen, GeneratedMaskColumnName = "GeneratedMask" }, "ReferenceMaskColumnName");
        Refused(new Options { ObjectAlignment = Chosen, IgnorePlainBackground = true }, "GeneratedMaskColumnName");
        Options masked = new()
        {
            ObjectAlignment = Chosen, GeneratedMaskColumnName = "GeneratedMask", IgnorePlainBackground = true, ReferenceViews = new ReferenceViews(),
        };
        Refused(masked, "exclude each other");

        void Refused(Options options, string text) => Assert.Contains(text, Assert.Throws<ArgumentException>(
            () => _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options)).Message, StringComparison.Ordinal);
    }

    private PatchQualityScoringTransformer Fit(Options options, IDataView data)
        => _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options).Fit(data);
}
