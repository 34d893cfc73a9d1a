using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.PatchEncoders;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Probes;
using TorchSharp;

namespace PatchDpo.Torch.Tests.Training;

public sealed class TrainingProbeTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>, IDisposable
{
    private static readonly PatchDpoTrainerOptions Options = new() { MaxSteps = 5, LearningRate = 1e-2, EmaDecay = 0.5 };

    private static readonly TrainingProbeRow[] Rows =
    [
        new("one", "a red thing", [TinyModelFixture.Image(5)]),
        new("two", "two things", [TinyModelFixture.Image(6), TinyModelFixture.Image(7)]),
    ];

    private readonly TemporaryFolder _folder = new();

    private string Log => _folder.File("log");

    private string State => _folder.File("state");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_training_with_probes_gives_the_bits_of_one_without()
    {
        (_, float[] without) = Train(Options);
        (List<TrainingProgress> told, float[] with) = Train(Options with { Probe = Probe(1) });
        Assert.Equal(without, with);
        Assert.Equal([0, 1, 2, 3, 4, 5], Probes(told).Select(p => p.Step));
    }

    [Fact]
    public void A_probe_draws_and_measures_what_the_training_would_give_at_its_step()
    {
        TrainingProbeOptions probe = Probe(2);
        (List<TrainingProgress> told, _) = Train(Options with { Probe = probe });
        Assert.Equal([[0], [2], [4], [5]], told.Where(p => p.Probes.Count > 0).Select(p => p.Probes.Select(r => r.Step)));
        Assert.Equal([1, 2, 4, 5], told.Where(p => p.Probes.Count > 0).Select(p => p.Step));
        TrainingProbeResult[] results = Probes(told);
        Assert.Equal(Draw(fixture.Model, probe), results[0].Images, ImageContentComparer.Instance);
        // Two steps with a probe among them, and as a training of their own: the moving average, as the result has it.
        foreach (int steps in new[] { 2, 5 })
        {
            using PersonalizedModel tuned = fixture.Model.WithAdapterLayers(Trainer(Options with { MaxSteps = steps }).Train(Pairs));
            IReadOnlyList<ImageBuffer> drawn = Draw(tuned, probe);
            TrainingProbeResult result = results.Single(r => r.Step == steps);
            Assert.Equal(drawn, result.Images, ImageContentComparer.Instance);
            PersonalizationMetrics expected = probe.Evaluator.Evaluate(
                Rows.Select((r, i) => new EvaluationRow(r.Subject, r.Prompt, drawn[i], [.. r.References.Select(p => p.Image)])));
            Assert.Equal(expected.PatchQuality, result.Metrics.PatchQuality);
            Assert.Equal(expected.PatchQuality!.Mean, result.Value);
        }
        Assert.NotEqual(results[0].Images[0], results[^1].Images[0], ImageContentComparer.Instance);
    }

    [Fact]
    public void The_course_has_a_line_a_picture_grid_and_TensorBoards_numbers_for_each_probe()
    {
        (List<TrainingProgress> told, _) = Train(Options with { Probe = Probe(3), LogFolder = Log });
        JsonElement[] lines = Lines();
        Assert.Equal([0, 3, 5], lines.Select(l => l.GetProperty("step").GetInt32()));
        Assert.Equal(Enumerable.Range(1, 5), File.ReadLines(Path.Combine(Log, TrainingCourse.LinesFile))
            .Select(l => JsonDocument.Parse(l).RootElement.GetProperty("step").GetInt32()));
        foreach ((JsonElement line, TrainingProbeResult result) in lines.Zip(Probes(told)))
        {
            Assert.Equal(result.Value, line.GetProperty("patchQuality").GetDouble());
            Assert.Equal(JsonValueKind.Null, line.GetProperty("dino").ValueKind);
            Assert.Equal(result.BestStep, line.GetProperty("bestStep").GetInt32());
            Assert.Equal(Path.GetFileName(result.GridFile), line.GetProperty("grid").GetString());
            ImageBuffer grid = ImageFile.Load(result.GridFile!);
            // Two columns, and as many rows as the probe has.
            Assert.True(grid.Width > 2 * 256 && grid.Height > Rows.Length * 256);
        }
        EventFile.Scalar[] scalars = [.. Directory.GetFiles(Log, "*tfevents*").SelectMany(EventFile.Read)];
        Assert.Equal(Probes(told).Select(p => ((long)p.Step, (float)p.Value)),
            scalars.Where(s => s.Tag == "probe/patch_quality").Select(s => (s.Step, s.Value)));
        Assert.DoesNotContain(scalars, s => s.Tag == "probe/dino");
        Assert.Empty(Directory.GetFiles(Log, "*.tmp"));
    }

    [Fact]
    public void The_best_checkpoint_is_kept_whatever_else_is_removed_and_its_adapter_draws_its_probe()
    {
        TrainingProbeOptions probe = Scripted(1, 0.1, 0.2, 0.7, 0.3, 0.7, 0.6);
        (List<TrainingProgress> told, _) = Train(Options with { Probe = probe, State = new() { Folder = State, Interval = 1, KeepLast = 1 } });
        TrainingProbeResult[] results = Probes(told);
        Assert.Equal([0, 1, 2, 2, 2, 2], results.Select(r => r.BestStep));
        Assert.Equal([true, true, true, false, false, false], results.Select(r => r.IsBest));
        Assert.All(results[2..], r => Assert.Equal(0.7, r.BestValue, 1e-6));
        Assert.Equal(["best-00000002", "step-00000005"], Folders());
        string best = Path.Combine(State, "best-00000002");
        using (var record = JsonDocument.Parse(File.ReadAllText(Path.Combine(best, "best.json"))))
        {
            Assert.Equal(2, record.RootElement.GetProperty("step").GetInt32());
            Assert.Equal("SubjectSimilarity", record.RootElement.GetProperty("metric").GetString());
            Assert.Equal(results[2].Value, record.RootElement.GetProperty("value").GetDouble());
        }
        using var model = PersonalizedModel.Load(fixture.Model.FolderPath, Path.Combine(best, "adapter.safetensors"));
        Assert.Equal(results[2].Images, Draw(model, probe), ImageContentComparer.Instance);
        // A checkpoint like others: under another's name it is gone on from.
        Directory.Delete(Path.Combine(State, "step-00000005"), recursive: true);
        Directory.Move(best, Path.Combine(State, "step-00000002"));
        (told, float[] last) = Train(Options with { State = new() { Folder = State, Interval = 1, KeepLast = 1 } });
        Assert.Equal([3, 4, 5], told.Select(p => p.Step));
        Assert.Equal(Train(Options).Layers, last);
    }

    [Fact]
    public void A_training_that_goes_on_knows_the_best_step_and_draws_no_probe_twice_into_its_course()
    {
        PatchDpoTrainerOptions options = Options with { LogFolder = Log, State = new() { Folder = State, Interval = 100 } };
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Trainer(options with
        {
            Probe = Scripted(1, 0.1, 0.9, 0.3),
            Progress = new DirectProgress<TrainingProgress>(p =>
            {
                if (p.Step == 2)
                    source.Cancel();
            }),
        }).Train(Pairs, source.Token));
        Assert.Equal(["best-00000001", "step-00000002"], Folders());
        // That of step 2 is drawn again; 0.8 would be the best of these alone.
        (List<TrainingProgress> told, float[] layers) = Train(options with { Probe = Scripted(1, 0.3, 0.8, 0.2, 0.1) });
        Assert.Equal([(2, 1), (3, 1), (4, 1), (5, 1)], Probes(told).Select(r => (r.Step, r.BestStep)));
        Assert.Equal([0, 1, 2, 3, 4, 5], Lines().Select(l => l.GetProperty("step").GetInt32()));
        Assert.Equal(["best-00000001", "step-00000002", "step-00000005"], Folders());
        Assert.Equal(Train(Options).Layers, layers);
    }

    [Fact]
    public void Values_of_another_probe_do_not_compare()
    {
        PatchDpoTrainerOptions options = Options with { MaxSteps = 2, State = new() { Folder = State } };
        Train(options with { Probe = Scripted(1, 0.1, 0.9, 0.3) });
        Assert.Contains("best-00000001", Folders());
        TrainingProbeOptions other = Scripted(1, 0.3, 0.4) with { Rows = [Rows[1]] };
        (List<TrainingProgress> told, _) = Train(options with { MaxSteps = 3, Probe = other });
        Assert.Equal([(2, 2), (3, 3)], Probes(told).Select(r => (r.Step, r.BestStep)));
        Assert.Equal(["best-00000003", "step-00000002", "step-00000003"], Folders());
    }

    [Fact]
    public void A_cancelled_probe_leaves_the_layers_of_the_training_in_the_checkpoint()
    {
        using var source = new CancellationTokenSource();
        PatchDpoTrainerOptions options = Options with { State = new() { Folder = State, Interval = 100 } };
        int images = 0;
        var cancelling = new PixelEncoder(8, 4, _ =>
        {
            // A probe has two pictures and three references: this is in the second, of step 2.
            if (++images == 6)
                source.Cancel();
            return TorchSharp.torch.ones(3, 8, 8);
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(options with
        {
            Probe = Probe(2) with
            {
                Evaluator = new PersonalizationEvaluator(null, null, null, options: new() { BatchSize = 1 }, subject: cancelling),
                Metric = PersonalizationMetric.SubjectSimilarity,
            },
        }).Train(Pairs, source.Token));
        Assert.Equal(["best-00000000", "step-00000002"], Folders());
        Assert.Equal(Train(Options).Layers, Train(options).Layers);
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, 0.5)]
    [InlineData(true, null)]
    [InlineData(true, 0.5)]
    public void The_best_steps_layers_are_given_where_that_is_asked_for_and_say_their_step(bool state, double? ema)
    {
        PatchDpoTrainerOptions options = Options with { EmaDecay = ema, State = state ? new() { Folder = State, Interval = 100 } : null };
        using AdapterLayers expected = Trainer(options with { MaxSteps = 2, State = null }).Train(Pairs);
        TrainingProbeOptions probe = Scripted(1, 0.1, 0.2, 0.7, 0.3, 0.7, 0.6) with { GivesBest = true };
        using AdapterLayers best = Trainer(options with { Probe = probe }).Train(Pairs);
        Assert.Equal((2, 2), (best.TrainedSteps, expected.TrainedSteps));
        Assert.Equal(Values(expected), Values(best));
        if (!state)
            return;
        // Another process that finds the training done finds its best step, too.
        using AdapterLayers again = Trainer(options with { Probe = Scripted(1, 0.6) with { GivesBest = true } }).Train(Pairs);
        Assert.Equal(2, again.TrainedSteps);
        Assert.Equal(Values(expected), Values(again));
        using AdapterLayers last = Trainer(options with { Probe = Scripted(1, 0.6) }).Train(Pairs);
        Assert.Equal(5, last.TrainedSteps);
        Assert.NotEqual(Values(expected), Values(last));
    }

    [Fact]
    public void Before_training_can_be_the_best()
    {
        using AdapterLayers best = Trainer(Options with { Probe = Scripted(2, 0.9, 0.2, 0.7, 0.3) with { GivesBest = true } }).Train(Pairs);
        Assert.Equal(0, best.TrainedSteps);
        Assert.Equal(Values(fixture.Model.AdapterLayers), Values(best));
    }

    [Fact]
    public void What_cannot_be_drawn_or_measured_is_told_before_the_first_step()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => Trainer(Options with { Probe = Probe(1) with { Metric = PersonalizationMetric.Dino } }));
        Assert.Contains("Dino", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Probe(1) with { Rows = [] });
        error = Assert.Throws<ArgumentException>(() => Probe(1) with { Rows = [Rows[0], new TrainingProbeRow("two", "x", Array.Empty<ImageBuffer>())] });
        Assert.Contains("Row 1", error.Message, StringComparison.Ordinal);
        List<TrainingProgress> told = [];
        Assert.Throws<ArgumentException>(() => Trainer(Options with
        {
            Probe = Probe(1) with { Generation = new() { Steps = 2, Width = 13 } },
            Progress = new DirectProgress<TrainingProgress>(told.Add),
        }).Train(Pairs));
        Assert.Empty(told);
    }

    [Fact]
    public void Nothing_of_a_probe_stays()
    {
        PatchDpoTrainer trainer = Trainer(Options with { Probe = Probe(1) with { GivesBest = true } });
        trainer.Train(Pairs).Dispose();
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        trainer.Train(Pairs).Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static TrainingPair[] Pairs =>
        [new("a", TinyModelFixture.Image(1), TinyModelFixture.Image(2), new QualityMap(1, 1, [0.5f]), new QualityMap(1, 1, [0.6f]))];

    private static TrainingProbeOptions Probe(int every) => new()
    {
        Rows = Rows,
        Every = every,
        Generation = new() { Steps = 2, Seed = 3 },
        Evaluator = new PersonalizationEvaluator(null, null, new PatchQualityEstimator(new PixelEncoder(8, 4))),
    };

    private static TrainingProbeOptions Scripted(int every, params IReadOnlyList<double> values) => Probe(every) with
    {
        Evaluator = new PersonalizationEvaluator(null, null, null, subject: new ScriptedEncoder(values)),
        Metric = PersonalizationMetric.SubjectSimilarity,
    };

    private static TrainingProbeResult[] Probes(IEnumerable<TrainingProgress> told) => [.. told.SelectMany(p => p.Probes)];

    private static IReadOnlyList<ImageBuffer> Draw(PersonalizedModel model, TrainingProbeOptions probe)
        => model.Generate([.. probe.Rows.Select(r => new GenerationRequest(r.Prompt, r.References))], probe.Generation);

    private PatchDpoTrainer Trainer(PatchDpoTrainerOptions options) => new(fixture.Model, options);

    private (List<TrainingProgress> Told, float[] Layers) Train(PatchDpoTrainerOptions options)
    {
        List<TrainingProgress> told = [];
        using AdapterLayers layers = Trainer(options with { Progress = new DirectProgress<TrainingProgress>(told.Add) }).Train(Pairs);
        return (told, Values(layers));
    }

    private static float[] Values(AdapterLayers layers) => [.. layers.parameters().SelectMany(p => p.data<float>().ToArray())];

    private string[] Folders() => [.. Directory.GetDirectories(State).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private JsonElement[] Lines() => [.. File.ReadLines(Path.Combine(Log, TrainingCourse.ProbesFile)).Select(l => JsonDocument.Parse(l).RootElement)];
}
