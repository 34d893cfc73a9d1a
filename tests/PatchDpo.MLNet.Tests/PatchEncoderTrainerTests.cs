using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using TorchSharp;

namespace PatchDpo.MLNet.Tests;

public sealed class PatchEncoderTrainerTests(TinyModels models) : IClassFixture<TinyModels>
{
    private static readonly PatchEncoderTrainerOptions Short = new() { MaxSteps = 2, BatchSize = 2, PointsPerImage = 8, LearningRate = 0.01 };

    private readonly MLContext _ml = new(1);

    [Fact]
    public void It_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, Trainer(_ml, new() { Training = Short, Seed = 1, BatchSize = 2 }), TestImages.Rows(_ml, 5), TestImages.WithoutImages(_ml),
            TestImages.WrongTypes(_ml));

    [Fact]
    public void The_trained_encoder_scores_patches_and_both_models_need_no_folder()
    {
        string copy = Path.Combine(models.Root, $"dino-{Guid.NewGuid():N}"), file = Path.Combine(models.Root, $"{Guid.NewGuid():N}.zip");
        TinyModels.CopyFiles(models.Dino, copy);
        IDataView pairs = PairRow.Rows(_ml, 3);
        using PatchEncoderTransformer trained = _ml.PatchDpo.Trainers.PatchEncoder(
            ImageEncoder.FromFolder(copy), new PatchEncoderTrainer.Options { InputColumnName = "Reference", HeadDimension = 6, Training = Short }).Fit(pairs);
        Assert.Equal((4, 4, 6), (trained.MapHeight, trained.MapWidth, trained.Dimension));
        Directory.Delete(copy, recursive: true);

        float[] scores, untrained = Scores(_ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(models.Dino)).Fit(pairs));
        using (PatchQualityScoringTransformer scorer = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", trained.Encoder).Fit(pairs))
        {
            scores = Scores(scorer);
            _ml.Model.Save(scorer, pairs.Schema, file);
        }
        Assert.NotEqual(untrained, scores);
        using var loaded = (PatchQualityScoringTransformer)new MLContext(2).PatchDpo.LoadModel(file, out _);
        Assert.Equal(scores, Scores(loaded));

        string saved = Path.Combine(models.Root, $"saved-{Guid.NewGuid():N}");
        trained.Encoder.SaveTo(saved);
        Assert.Equal(scores, Scores(_ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(saved)).Fit(pairs)));
        Assert.Throws<InvalidOperationException>(() => ImageEncoder.FromFolder(saved).SaveTo(copy));

        float[] Scores(PatchQualityScoringTransformer scorer) => [.. scorer.Transform(pairs).GetColumn<float>("PatchQualityScore")];
    }

    [Fact]
    public void The_contexts_seed_decides_unless_the_options_have_one()
    {
        Assert.Equal(Losses(5, null), Losses(5, null));
        Assert.NotEqual(Losses(5, null), Losses(6, null));
        Assert.Equal(Losses(5, 3), Losses(6, 3));

        double[] Losses(int context, int? seed)
        {
            var losses = new List<double>();
            MLContext ml = new(context);
            Trainer(ml, new() { Training = Short, Seed = seed, ProgressCallback = p => losses.Add(p.Loss) }).Fit(TestImages.Rows(ml, 4)).Dispose();
            return [.. losses];
        }
    }

    [Fact]
    public void The_log_of_the_context_hears_of_the_training_and_it_can_be_cancelled()
    {
        var messages = new List<string>();
        _ml.Log += (_, e) => messages.Add(e.Message);
        using var source = new CancellationTokenSource();
        var options = new PatchEncoderTrainer.Options { Training = Short, CancellationToken = source.Token, ProgressCallback = _ => source.Cancel() };
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(_ml, options).Fit(TestImages.Rows(_ml, 4)));
        Assert.Contains(messages, m => m.Contains("2 steps of 2 images, 4 images in all", StringComparison.Ordinal));
        Assert.Contains(messages, m => m.Contains("step 1 of 2: loss", StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_trained_is_refused()
    {
        Assert.Throws<EmptyDataException>(() => Trainer(_ml, new() { Training = Short }).Fit(_ml.Data.LoadFromEnumerable(Array.Empty<TestImages.ImageRow>())));
        using var own = new PoolingEncoder();
        Assert.Contains("of your own", Assert.Throws<ArgumentException>(()
            => _ml.PatchDpo.Trainers.PatchEncoder(ImageEncoder.FromInstance(own)).Fit(TestImages.Rows(_ml, 2))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PatchEncoderTrainer.Options { HeadDimension = 0 });
        Assert.Throws<ArgumentException>(() => new PatchEncoderTrainer.Options { InputColumnName = "" });
    }

    [Fact]
    public void Training_leaves_no_tensors_behind()
    {
        IDataView rows = TestImages.Rows(_ml, 3);
        // The encoder is opened twice; what opening it leaves is not the training's.
        Assert.Equal(2 * Growth(() => _ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(models.Dino), "Image").Fit(rows).Dispose()), Growth(Fit));

        long Growth(Action action)
        {
            action();
            long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            action();
            return DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
        }

        void Fit()
        {
            using PatchEncoderTransformer trained = Trainer(_ml, new() { Training = Short, HeadDimension = 4 }).Fit(rows);
            Assert.Equal(3, trained.Transform(rows).GetColumn<float[]>("PatchFeatures").Count());
        }
    }

    [Fact]
    public void Patch_matching_is_measured_on_a_column_and_on_pairs()
    {
        IDataView rows = TestImages.Rows(_ml, 3);
        ImageEncoder encoder = ImageEncoder.FromFolder(models.Dino);
        PatchMatchingMetrics metrics = _ml.PatchDpo.EvaluatePatchMatching(rows, encoder, viewsPerImage: 2, side: 48);
        Assert.Equal(6, metrics.PerPair.Count);
        Assert.InRange(metrics.Accuracy, 0, 1);
        Assert.Equal(metrics.PerPair, _ml.PatchDpo.EvaluatePatchMatching(rows, encoder, viewsPerImage: 2, side: 48).PerPair);
        ImageBuffer noise = Noise();
        Assert.Equal(1, _ml.PatchDpo.EvaluatePatchMatching([new HomographyPair(noise, noise, Homography.Identity)], encoder).Accuracy);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.PatchDpo.EvaluatePatchMatching(TestImages.WithoutImages(_ml), encoder));
    }

    private static ImageBuffer Noise()
    {
        byte[] pixels = new byte[64 * 64 * 3];
        new Random(1).NextBytes(pixels);
        return new ImageBuffer(64, 64, 3, pixels);
    }

    private PatchEncoderTrainer Trainer(MLContext ml, PatchEncoderTrainer.Options options)
        => ml.PatchDpo.Trainers.PatchEncoder(ImageEncoder.FromFolder(models.Dino), options);
}
