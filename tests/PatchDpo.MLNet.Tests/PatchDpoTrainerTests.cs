using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Probes;
using PatchDpo.Torch.Weights.Safetensors;

namespace PatchDpo.MLNet.Tests;

public sealed class PatchDpoTrainerTests : IClassFixture<TinyModels>, IDisposable
{
    private static readonly GenerationOptions Fast = new() { Steps = 2, GuidanceScale = 1, BatchSize = 2 };

    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly PersonalizedModel _model;
    private readonly IDataView _scored;

    public PatchDpoTrainerTests(TinyModels models)
    {
        _models = models;
        _model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        IDataView pairs = PairRow.Rows(_ml, 4);
        _scored = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(models.Dino)).Fit(pairs).Transform(pairs);
    }

    public void Dispose() => _model.Dispose();

    [Fact]
    public void It_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, Trainer(), _scored, TestImages.Rows(_ml, 2));

    [Fact]
    public void Maps_that_are_absent_or_have_one_dimension_are_refused()
    {
        IDataView unscored = PairRow.Rows(_ml, 2);
        EstimatorCheck.AssertRefused(() => Trainer().GetOutputSchema(EstimatorCheck.ShapeOf(unscored.Schema)));
        Assert.Contains("ReferenceQuality", Assert.Throws<ArgumentOutOfRangeException>(() => Trainer().Fit(unscored)).Message, StringComparison.Ordinal);
        IDataView flat = _ml.Transforms.Concatenate("GeneratedQuality", "GeneratedQuality", "PatchQualityScore").Fit(_scored).Transform(_scored);
        Assert.Contains("two dimensions", Assert.Throws<ArgumentOutOfRangeException>(() => Trainer().Fit(flat)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_changes_the_adapter_and_not_the_model_that_it_started_from()
    {
        List<object[]> before = Generate(_ml.PatchDpo.GeneratePersonalizedImages(_model, generation: Fast).Fit(_scored));
        using PersonalizedImageTransformer tuned = Trainer(new PatchDpoTrainer.Options { Training = new() { MaxSteps = 3, LearningRate = 0.01 },
            Generation = Fast }).Fit(_scored);
        Assert.NotEqual(before, Generate(tuned));
        Assert.Equal(before, Generate(_ml.PatchDpo.GeneratePersonalizedImages(_model, generation: Fast).Fit(_scored)));
    }

    [Fact]
    public void A_trained_projection_is_saved_with_the_transformer()
    {
        PatchDpoTrainerOptions training = new() { MaxSteps = 3, LearningRate = 0.01, TrainedSet = TrainedSet.ImageProjection };
        using PersonalizedImageTransformer tuned = Trainer(new PatchDpoTrainer.Options { Training = training, Generation = Fast }).Fit(_scored);
        Assert.NotNull(tuned.Model.AdapterLayers.ImageProjection);
        Assert.Equal(3, tuned.Model.AdapterLayers.TrainedSteps);
        using MemoryStream file = new();
        _ml.Model.Save(tuned, _scored.Schema, file);
        using var loaded = (PersonalizedImageTransformer)_ml.Model.Load(file, out _);
        Assert.Equal(Generate(tuned), Generate(loaded));
        Assert.NotEqual(Generate(_ml.PatchDpo.GeneratePersonalizedImages(_model, generation: Fast).Fit(_scored)), Generate(tuned));
    }

    [Fact]
    public void The_contexts_seed_decides_unless_the_options_have_one()
    {
        Assert.Equal(Losses(new MLContext(5), null), Losses(new MLContext(5), null));
        Assert.NotEqual(Losses(new MLContext(5), null), Losses(new MLContext(6), null));
        Assert.Equal(Losses(new MLContext(5), 3), Losses(new MLContext(6), 3));
    }

    [Fact]
    public void Every_choice_of_the_training_reaches_it()
    {
        HashSet<string> results = [];
        foreach (PatchDpoTrainerOptions training in new PatchDpoTrainerOptions[]
        {
            new(), new() { Beta1 = 0.1 }, new() { Beta2 = 0.5 }, new() { Epsilon = 1 }, new() { GradientAccumulation = 2 }, new() { MaxGradientNorm = 1e-9 },
            new() { EmaDecay = 0.5 }, new() { LearningRateSchedule = new() { Decay = LearningRateDecay.Cosine } },
        })
        {
            List<float> told = [];
            PatchDpoTrainerOptions chosen = training with { MaxSteps = 4, LearningRate = 0.01,
                Progress = new DirectProgress<TrainingProgress>(p => told.Add(p.Loss)) };
            using PersonalizedImageTransformer tuned = Trainer(new PatchDpoTrainer.Options { Training = chosen, Seed = 1, Generation = Fast }).Fit(_scored);
            Assert.Equal(4, told.Count);
            Assert.True(results.Add(string.Join(',', tuned.Model.AdapterLayers.parameters().SelectMany(p => p.data<float>().ToArray()))));
        }
    }

    [Fact]
    public void The_log_of_the_context_hears_of_the_training()
    {
        var messages = new List<string>();
        var ml = new MLContext(1);
        ml.Log += (_, e) => messages.Add(e.Message);
        ml.PatchDpo.Trainers.PatchDpo(_model, maxSteps: 2).Fit(_scored).Dispose();
        Assert.Contains(messages, m => m.Contains("2 steps of 4 pairs", StringComparison.Ordinal));
        Assert.Contains(messages, m => m.Contains("step 2 of 2: loss", StringComparison.Ordinal) && m.Contains("pairs a second", StringComparison.Ordinal)
            && m.EndsWith("0 s left", StringComparison.Ordinal));
    }

    [Fact]
    public void A_probe_among_the_trainings_options_is_drawn_and_told()
    {
        var messages = new List<string>();
        var ml = new MLContext(1);
        ml.Log += (_, e) => messages.Add(e.Message);
        List<TrainingProbeResult> told = [];
        using EvaluationModels models = EvaluationModels.FromFolders(null, null, _models.Dino);
        var options = new PatchDpoTrainer.Options
        {
            Training = new()
            {
                MaxSteps = 2,
                Probe = new() { Rows = [new("one", "a cat", [TinyPersonalizedModel.Image(1)])], Every = 1, Generation = Fast, Evaluator = models.CreateEvaluator() },
            },
            Generation = Fast,
            ProgressCallback = p => told.AddRange(p.Probes),
        };
        ml.PatchDpo.Trainers.PatchDpo(_model, options).Fit(_scored).Dispose();
        Assert.Equal([0, 1, 2], told.Select(p => p.Step));
        Assert.Equal(3, messages.Count(m => m.Contains("probe of step", StringComparison.Ordinal)));
    }

    [Fact]
    public void Training_can_be_cancelled()
    {
        using var source = new CancellationTokenSource();
        int steps = 0;
        var options = new PatchDpoTrainer.Options
        {
            Training = new() { MaxSteps = 100 },
            CancellationToken = source.Token,
            ProgressCallback = p =>
            {
                steps = p.Step;
                if (p.Step == 2)
                    source.Cancel();
            },
        };
        Assert.ThrowsAny<OperationCanceledException>(() => _ml.PatchDpo.Trainers.PatchDpo(_model, options).Fit(_scored));
        Assert.Equal(2, steps);
    }

    [Fact]
    public void A_training_that_was_cancelled_goes_on_with_its_state_also_in_a_context_of_another_seed()
    {
        using var folder = new TemporaryFolder();
        using PersonalizedImageTransformer straight = Fit(new MLContext(1), null, int.MaxValue)!;
        Assert.Null(Fit(new MLContext(1), folder.File("state"), stopAt: 3));
        int first = 0;
        using PersonalizedImageTransformer resumed = Fit(new MLContext(2), folder.File("state"), int.MaxValue, p => first = first == 0 ? p.Step : first)!;
        Assert.Equal(4, first);
        Assert.Equal(Weights(straight), Weights(resumed));

        // Other rows are another training.
        IDataView fewer = _ml.Data.TakeRows(_scored, 3);
        TrainingStateMismatchException e = Assert.Throws<TrainingStateMismatchException>(() => new MLContext(1).PatchDpo.Trainers.PatchDpo(
            _model, Options(folder.File("state"), default, _ => { })).Fit(fewer));
        // A step takes at most all pairs.
        Assert.Equal(["Pairs: 4, now 3", "Pairs in a step: 4, now 3"], e.Changes.Where(c => c.StartsWith("Pairs", StringComparison.Ordinal)));

        PersonalizedImageTransformer? Fit(MLContext context, string? state, int stopAt, Action<TrainingProgress>? told = null)
        {
            using var source = new CancellationTokenSource();
            PatchDpoTrainer.Options options = Options(state, source.Token, p =>
            {
                told?.Invoke(p);
                if (p.Step == stopAt)
                    source.Cancel();
            });
            try
            {
                return context.PatchDpo.Trainers.PatchDpo(_model, options).Fit(_scored);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }

        static PatchDpoTrainer.Options Options(string? state, CancellationToken cancellationToken, Action<TrainingProgress> callback) => new()
        {
            Training = new()
            {
                MaxSteps = 6,
                LearningRate = 0.01,
                State = state is null ? null : new TrainingStateOptions { Folder = state },
            },
            CancellationToken = cancellationToken,
            ProgressCallback = callback,
        };

        static float[] Weights(PersonalizedImageTransformer tuned)
            => [.. tuned.Model.AdapterLayers.parameters().SelectMany(p => p.data<float>().ToArray())];
    }

    [Fact]
    public void Empty_data_are_refused()
    {
        IDataView none = _ml.Data.LoadFromEnumerable(Array.Empty<MapRow>());
        Assert.Throws<EmptyDataException>(() => Trainer().Fit(none));
    }

    [Fact]
    public void Bad_rows_are_named()
    {
        MapRow Row(int i) => new() { Prompt = "a cube", Reference = TestImages.Draw(1), Generated = TestImages.Draw(2),
            ReferenceQuality = [0.5f, 0.5f, 0.5f, 0.5f], GeneratedQuality = [0, 0, 0, i == 1 ? float.NaN : 1] };
        IDataView rows = _ml.Data.LoadFromEnumerable(new[] { Row(0), Row(1) });
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => Trainer().Fit(rows));
        Assert.Equal((1, "GeneratedQuality"), (e.Row, e.Column));
    }

    [Fact]
    public void The_tuned_adapter_can_be_saved_for_others()
    {
        string path = Path.Combine(_models.Root, "tuned.safetensors");
        using PersonalizedImageTransformer tuned = Trainer().Fit(_scored);
        tuned.SaveAdapter(path);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Contains("ip_adapter.1.to_k_ip.weight", file.Keys);
        using PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(_models.Generator, path);
        Assert.Equal(Generate(tuned), Generate(_ml.PatchDpo.GeneratePersonalizedImages(model, generation: Fast).Fit(_scored)));
    }

    [Fact]
    public void Options_are_validated_when_set()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new PatchDpoTrainer.Options { Training = new() { MaxSteps = 0 } });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PatchDpoTrainer.Options { Training = new() { LearningRate = double.NaN } });
        Assert.Throws<ArgumentNullException>(() => new PatchDpoTrainer.Options { Training = null! });
        Assert.Throws<ArgumentException>(() => new PatchDpoTrainer.Options { PromptColumnName = "" });
    }

    private PatchDpoTrainer Trainer(PatchDpoTrainer.Options? options = null)
        => _ml.PatchDpo.Trainers.PatchDpo(_model, options ?? new PatchDpoTrainer.Options { Training = new() { MaxSteps = 1 }, Seed = 1, Generation = Fast });

    private float[] Losses(MLContext ml, long? seed)
    {
        var losses = new List<float>();
        var options = new PatchDpoTrainer.Options { Training = new() { MaxSteps = 3 }, Seed = seed, ProgressCallback = p => losses.Add(p.Loss) };
        ml.PatchDpo.Trainers.PatchDpo(_model, options).Fit(_scored).Dispose();
        return losses.ToArray();
    }

    private List<object[]> Generate(PersonalizedImageTransformer transformer) => RowReader.Read(transformer.Transform(_scored), "Generated");

    public sealed class MapRow
    {
        public string Prompt { get; set; } = "";

        [ImageType(TestImages.Size, TestImages.Size)]
        public MLImage? Reference { get; set; }

        [ImageType(TestImages.Size, TestImages.Size)]
        public MLImage? Generated { get; set; }

        [VectorType(2, 2)]
        public float[] ReferenceQuality { get; set; } = [];

        [VectorType(2, 2)]
        public float[] GeneratedQuality { get; set; } = [];
    }
}
