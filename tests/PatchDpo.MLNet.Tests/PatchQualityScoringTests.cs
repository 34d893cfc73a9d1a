using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using TorchSharp;

namespace PatchDpo.MLNet.Tests;

public sealed class PatchQualityScoringTests(TinyModels models) : IClassFixture<TinyModels>, IDisposable
{
    private readonly MLContext _ml = new(1);
    private readonly PoolingEncoder _encoder = new();

    public void Dispose() => _encoder.Dispose();

    [Fact]
    public void It_passes_what_MLNET_checks_of_its_own()
    {
        var options = new PatchQualityScoringEstimator.Options { BatchSize = 2, IgnorePlainBackground = true, HeatMapColumnName = "HeatMap",
            ScoreColumnName = "Quality" };
        EstimatorCheck.Run(_ml, _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromFolder(models.Dino), options), PairRow.Rows(_ml, 5), TestImages.Rows(_ml, 1));
    }

    [Fact]
    public void The_schema_tells_the_size_of_the_encoders_patch_grid()
    {
        IDataView rows = PairRow.Rows(_ml, 2);
        using PatchQualityScoringTransformer transformer = Estimator().Fit(rows);
        Assert.Equal((8, 6), (transformer.MapHeight, transformer.MapWidth));
        DataViewSchema schema = transformer.GetOutputSchema(rows.Schema);
        Assert.Equal([8, 6], ((VectorDataViewType)schema["GeneratedQuality"].Type).Dimensions.ToArray());
        Assert.Equal([8, 6], ((VectorDataViewType)schema["ReferenceQuality"].Type).Dimensions.ToArray());
        Assert.Equal(NumberDataViewType.Single, schema["PatchQualityScore"].Type);
        Assert.Null(schema.GetColumnOrNull("QualityHeatMap"));
    }

    [Fact]
    public void The_same_image_scores_one_and_another_less()
    {
        IDataView rows = PairRow.Rows(_ml, 2);
        float[] scores = Estimator().Fit(rows).Transform(rows).GetColumn<float>("PatchQualityScore").ToArray();
        Assert.Equal(1, scores[0], 1e-4f);
        Assert.InRange(scores[1], -1, 0.999f);
    }

    [Fact]
    public void Columns_can_be_named_and_a_heat_map_asked_for()
    {
        IDataView rows = PairRow.Rows(_ml, 3);
        IDataView view = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromInstance(_encoder), heatMap: "QualityHeatMap").Fit(rows)
            .Transform(rows);
        Assert.All(view.GetColumn<MLImage>("QualityHeatMap"), i => Assert.Equal((TestImages.Size, TestImages.Size), (i.Height, i.Width)));

        var options = new PatchQualityScoringEstimator.Options { GeneratedColumnName = "Reference", ReferenceColumnName = "Generated", ScoreColumnName = "S",
            BatchSize = 1 };
        IDataView swapped = _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options).Fit(rows).Transform(rows);
        Assert.Equal(
            view.GetColumn<float[]>("GeneratedQuality").SelectMany(v => v),
            swapped.GetColumn<float[]>("ReferenceQuality").SelectMany(v => v),
            (a, b) => Math.Abs(a - b) < 1e-5);
    }

    [Fact]
    public void The_encoder_runs_at_most_once_a_batch_for_each_side_and_not_at_all_for_other_columns()
    {
        IDataView rows = PairRow.Rows(_ml, 10);
        using PatchQualityScoringTransformer transformer = _ml.PatchDpo
            .ScorePatchQuality(ImageEncoder.FromInstance(_encoder), new PatchQualityScoringEstimator.Options { BatchSize = 4 }).Fit(rows);
        IDataView view = transformer.Transform(rows);
        int before = _encoder.Calls;
        Assert.Equal(10, view.GetColumn<int>("Id").Count());
        Assert.Equal(before, _encoder.Calls);
        Assert.Equal(10, RowReader.Read(view, "PatchQualityScore", "GeneratedQuality", "ReferenceQuality").Count);
        Assert.InRange(_encoder.Calls, before + 3, before + 6);
    }

    [Fact]
    public void A_plain_background_can_be_left_out()
    {
        IDataView rows = PairRow.Rows(_ml, 2);
        var options = new PatchQualityScoringEstimator.Options { IgnorePlainBackground = true };
        IDataView view = _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options).Fit(rows).Transform(rows);
        Assert.All(view.GetColumn<float>("PatchQualityScore"), s => Assert.InRange(s, -1.001f, 1.001f));
    }

    [Fact]
    public void It_feeds_MLNETs_trainers()
    {
        IDataView rows = PairRow.Rows(_ml, 6);
        IDataView view = Estimator()
            .Append(_ml.Transforms.Concatenate("Features", "GeneratedQuality", "ReferenceQuality"))
            .Append(_ml.Transforms.NormalizeMinMax("Features"))
            .Append(_ml.Regression.Trainers.Sdca("PatchQualityScore", "Features", maximumNumberOfIterations: 2))
            .Fit(rows).Transform(rows);
        Assert.Equal(6, view.GetColumn<float>("Score").Count(float.IsFinite));
    }

    [Fact]
    public void A_bad_schema_is_refused_before_the_encoder_is_loaded()
    {
        PatchQualityScoringEstimator estimator = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder("no/such/folder"));
        IDataView bad = TestImages.Rows(_ml, 1);
        EstimatorCheck.AssertRefused(() => estimator.Fit(bad));
        EstimatorCheck.AssertRefused(() => estimator.GetOutputSchema(EstimatorCheck.ShapeOf(bad.Schema)));
    }

    [Fact]
    public void An_encoder_of_ones_own_stays_its_owners_and_cannot_be_saved()
    {
        IDataView rows = PairRow.Rows(_ml, 1);
        PatchQualityScoringTransformer transformer = Estimator().Fit(rows);
        Assert.Throws<NotSupportedException>(() => _ml.Model.Save(transformer, rows.Schema, new MemoryStream()));
        transformer.Dispose();
        Assert.False(_encoder.Disposed);
    }

    [Fact]
    public void Scoring_leaves_no_tensors_behind()
    {
        IDataView rows = PairRow.Rows(_ml, 5);
        IDataView view = Estimator().Fit(rows).Transform(rows);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        RowReader.Read(view, "PatchQualityScore", "GeneratedQuality");
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private PatchQualityScoringEstimator Estimator()
        => _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromInstance(_encoder));
}
