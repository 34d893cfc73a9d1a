using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;

namespace PatchDpo.MLNet.Tests;

public sealed class EvaluateTests(TinyModels models) : IClassFixture<TinyModels>
{
    private readonly MLContext _ml = new(1);

    [Fact]
    public void All_metrics_carry_counts_setting_and_models()
    {
        PersonalizationMetrics metrics = _ml.PatchDpo.Evaluate(PairRow.Rows(_ml, 6), Options());
        Assert.Equal((DreamBenchSetting.Original, 6, 6, 3), (metrics.Setting, metrics.Images, metrics.Pairs, metrics.Subjects.Count));
        foreach (MetricEstimate? metric in new[] { metrics.Dino, metrics.ClipI, metrics.ClipT, metrics.PatchQuality })
        {
            Assert.NotNull(metric);
            Assert.InRange(metric.Mean, -1.001, 1.001);
            Assert.InRange(metric.Mean, metric.Lower, metric.Upper);
        }
        Assert.Equal(["DINO", "CLIP", "patch quality"], metrics.Models.Select(m => m.Role));
        Assert.All(metrics.Models, m => Assert.Equal(64, m.Sha256.Length));
    }

    [Fact]
    public void An_image_compared_with_itself_scores_one()
    {
        IDataView rows = PairRow.Rows(_ml, 1);
        PersonalizationMetrics metrics = _ml.PatchDpo.Evaluate(rows, Options());
        Assert.Equal(1, metrics.Dino!.Mean, 1e-4);
        Assert.Equal(1, metrics.ClipI!.Mean, 1e-4);
        Assert.Equal(1, metrics.PatchQuality!.Mean, 1e-4);
    }

    [Fact]
    public void Several_photos_are_pairs_each_and_missing_ones_are_left_out()
    {
        IDataView rows = _ml.Data.LoadFromEnumerable(new[]
        {
            new PhotosRow { Subject = "a", Prompt = "a cube", Generated = TestImages.Draw(0), Photo1 = TestImages.Draw(0), Photo2 = TestImages.Draw(1) },
            new PhotosRow { Subject = "b", Prompt = "a cube", Generated = TestImages.Draw(2), Photo2 = TestImages.Draw(2) },
        });
        PersonalizationMetrics metrics = _ml.PatchDpo.Evaluate(rows, Options("Photo1", "Photo2"));
        Assert.Equal((2, 3), (metrics.Images, metrics.Pairs));
        Assert.Equal(1, metrics.Subjects[1].Dino!.Value, 1e-4);
    }

    [Fact]
    public void Bad_rows_and_empty_data_are_named()
    {
        IDataView noPhoto = _ml.Data.LoadFromEnumerable(new[] { new PhotosRow { Subject = "a", Generated = TestImages.Draw(0) } });
        Assert.Equal("Photo1", Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.Evaluate(noPhoto, Options("Photo1"))).Column);
        IDataView noSubject = _ml.Data.LoadFromEnumerable(new[] { new PhotosRow { Generated = TestImages.Draw(0), Photo1 = TestImages.Draw(0) } });
        Assert.Equal("Subject", Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.Evaluate(noSubject, Options("Photo1"))).Column);
        IDataView none = _ml.Data.LoadFromEnumerable(Array.Empty<PhotosRow>());
        Assert.Throws<EmptyDataException>(() => _ml.PatchDpo.Evaluate(none, Options("Photo1")));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.PatchDpo.Evaluate(none, Options("Photo3")));
        Assert.Throws<ArgumentException>(() => _ml.PatchDpo.Evaluate(PairRow.Rows(_ml, 1), new EvaluationOptions()));
        Assert.Throws<ModelFileNotFoundException>(() => _ml.PatchDpo.Evaluate(PairRow.Rows(_ml, 1), EvaluationOptions.DreamBench(models.Root, models.Root)));
    }

    private EvaluationOptions Options(params string[] references) => new()
    {
        ReferenceColumnNames = references.Length == 0 ? ["Reference"] : references,
        Dino = ImageEncoder.FromFolder(models.Dino),
        ClipFolder = models.FullClip,
        PatchQuality = ImageEncoder.FromFolder(models.Dino),
    };

    public sealed class PhotosRow
    {
        public string Subject { get; set; } = "";

        public string Prompt { get; set; } = "";

        [ImageType(TestImages.Size, TestImages.Size)]
        public MLImage? Generated { get; set; }

        [ImageType(TestImages.Size, TestImages.Size)]
        public MLImage? Photo1 { get; set; }

        [ImageType(TestImages.Size, TestImages.Size)]
        public MLImage? Photo2 { get; set; }
    }
}
