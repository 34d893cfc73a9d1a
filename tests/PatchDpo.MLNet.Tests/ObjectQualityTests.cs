using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using Options = PatchDpo.MLNet.PatchQualityScoringEstimator.Options;

namespace PatchDpo.MLNet.Tests;

/// <summary>Patch quality against the references of several objects, a column each.</summary>
public sealed class ObjectQualityTests(TinyModels models) : IClassFixture<TinyModels>, IDisposable
{
    private readonly MLContext _ml = new(1);
    private readonly PoolingEncoder _encoder = new();

    public void Dispose() => _encoder.Dispose();

    [Fact]
    public void Columns_of_objects_pass_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromFolder(models.Dino), Objects(ignoreBackground: false)),
            ObjectsRow.Rows(_ml, 3), PairRow.Rows(_ml, 1));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void They_give_what_the_estimator_gives_of_all_objects_and_of_each(bool ignoreBackground)
    {
        ObjectsRow[] rows = [.. _ml.Data.CreateEnumerable<ObjectsRow>(ObjectsRow.Rows(_ml, 3), reuseRowObject: false)];
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        IDataView scored = Fit(Objects(ignoreBackground), data).Transform(data);
        ImageBuffer[][] objects = [.. rows.Select(r => new[] { Buffer(r.First), Buffer(r.Second) })];
        IReadOnlyList<ObjectsQualityResult> direct = new PatchQualityEstimator(_encoder).ScoreObjects(
            [.. rows.Select(r => Buffer(r.Generated))], objects,
            ignoreBackground ? [.. objects.Select(o => Array.ConvertAll(o, i => PlainBackground.Of(i).Object()))] : null);
        Assert.Equal(direct.Select(r => r.Score), scored.GetColumn<float>("PatchQualityScore"));
        Assert.Equal(direct.Select(r => r.Generated.Values), scored.GetColumn<float[]>("GeneratedQuality"));
        foreach ((int i, string name) in new[] { "First", "Second" }.Index())
        {
            Assert.Equal(direct.Select(r => r.Objects[i].Score), scored.GetColumn<float>(name + "Score"));
            Assert.Equal(direct.Select(r => r.Objects[i].Generated.Values), scored.GetColumn<float[]>(name + "GeneratedQuality"));
            Assert.Equal(direct.Select(r => r.Objects[i].Reference.Values), scored.GetColumn<float[]>(name + "Quality"));
        }
        Assert.Equal(
            direct.Select((r, i) => MLImages.ToMLImage(HeatMap.Render(Buffer(rows[i].Generated), r.Generated)).Pixels.ToArray()),
            RowReader.Read(scored, "Map").Select(r => (byte[])r[0]));
        Assert.Null(scored.Schema.GetColumnOrNull("ReferenceQuality"));
        Assert.NotEqual(scored.GetColumn<float>("FirstScore"), scored.GetColumn<float>("SecondScore"));
    }

    [Fact]
    public void A_missing_reference_names_its_row_and_column()
    {
        IDataView data = ObjectsRow.Rows(_ml, 3, withoutSecond: 2);
        IDataView scored = Fit(Objects(ignoreBackground: false), data).Transform(data);
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => scored.GetColumn<float>("FirstScore").ToArray());
        Assert.Equal((2L, "Second"), (e.Row, e.Column));
    }

    [Fact]
    public void Options_that_do_not_go_together_are_refused()
    {
        Refuses(new Options { ObjectReferenceColumnNames = ["First"], GeneratedMaskColumnName = "Outline" }, "masks in the column 'Outline'");
        Refuses(new Options { ObjectReferenceColumnNames = ["First"], ReferenceMaskColumnName = "Outline" }, "masks in the column 'Outline'");
        Refuses(new Options { ObjectReferenceColumnNames = ["First", "First"] }, "'FirstGeneratedQuality' would be added twice");
        Refuses(new Options { ObjectReferenceColumnNames = ["Generated"] }, "'GeneratedQuality' would be added twice");
        Assert.Throws<ArgumentException>(() => new Options { ObjectReferenceColumnNames = [] });

        void Refuses(Options options, string problem) => Assert.Contains(problem, Assert.Throws<ArgumentException>(
            () => _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options)).Message, StringComparison.Ordinal);
    }

    private static ImageBuffer Buffer(MLImage? image) => MLImages.ToImageBuffer(image!);

    private static Options Objects(bool ignoreBackground) => new()
    {
        ObjectReferenceColumnNames = ["First", "Second"], BatchSize = 2, HeatMapColumnName = "Map", IgnorePlainBackground = ignoreBackground,
    };

    private PatchQualityScoringTransformer Fit(Options options, IDataView data)
        => _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options).Fit(data);
}
