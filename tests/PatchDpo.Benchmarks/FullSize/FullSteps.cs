using System.Diagnostics;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>Steps on one pair by the public trainer, or by the calls that it makes.</summary>
internal static class FullSteps
{
    private const string Trainer = "trainer", Checkpointing = "checkpointing", Direct = "direct";

    /// <summary>What can be measured.</summary>
    public static IReadOnlyList<string> Tasks { get; } = [Trainer, Checkpointing, Direct];

    /// <summary>Measures one of <see cref="Tasks"/> and prints; the process must be new, because its peak is never reset.</summary>
    public static void Measure(string task, string folder, PipelineScale scale, int steps)
    {
        var clock = Stopwatch.StartNew();
        using PersonalizedModel model = PersonalizedModel.Load(folder, dtype: ScalarType.BFloat16);
        Console.WriteLine($"{task}: loaded in {clock.Elapsed.TotalSeconds:F1} s, {Resident():F1} GB resident");
        double[] seconds = task == Direct ? TakeDirectly(model, scale, steps) : Train(model, folder, scale, steps, task == Checkpointing);
        double[] measured = seconds.Length > 1 ? seconds[1..] : seconds;
        Console.WriteLine($"{task}: {measured.Order().ElementAt(measured.Length / 2):F2} s a step (of {string.Join(", ", seconds.Select(s => $"{s:F2}"))}), "
            + $"peak resident memory {Peak():F1} GB");
    }

    private static double[] Train(PersonalizedModel model, string folder, PipelineScale scale, int steps, bool gradientCheckpointing)
    {
        List<TrainingProgress> told = [];
        List<TimeSpan> times = [];
        var clock = new Stopwatch();
        var trainer = new PatchDpoTrainer(model, new PatchDpoTrainerOptions
        {
            MaxSteps = steps,
            BatchSize = 1,
            LearningRate = DirectSteps.LearningRate,
            Size = scale.ImageSide,
            GradientCheckpointing = gradientCheckpointing,
            Store = new ConditionStoreOptions { Folder = Path.Combine(folder, "store") },
            Progress = new DirectProgress<TrainingProgress>(p =>
            {
                told.Add(p);
                times.Add(clock.Elapsed);
                clock.Restart();
            }),
        });
        var preparation = Stopwatch.StartNew();
        using PreparedPairs pairs = trainer.Prepare([SamplePairs.Of(scale.ImageSide, 1)]);
        double prepared = preparation.Elapsed.TotalSeconds, before = Resident();
        model.ReleaseEncoders();
        Console.WriteLine($"  the pair is encoded in {prepared:F1} s; {before:F1} GB resident, {Resident():F1} GB without the encoders");
        clock.Start();
        using AdapterLayers tuned = trainer.Train(pairs);
        long changed = tuned.parameters().Zip(model.AdapterLayers.parameters()).Count(p => Differ(p.First, p.Second));
        Console.WriteLine($"  losses {string.Join(", ", told.Select(p => $"{p.Loss:F4}"))}; {changed} of {tuned.parameters().Count()} trained tensors have changed");
        if (told.Any(p => !float.IsFinite(p.Loss)) || changed == 0)
            throw new InvalidOperationException("The training did not train.");
        return [.. times.Select(t => t.TotalSeconds)];
    }

    private static double[] TakeDirectly(PersonalizedModel model, PipelineScale scale, int steps)
    {
        using var direct = new DirectSteps(model, [SamplePairs.Of(scale.ImageSide, 1)], scale.ImageSide);
        model.ReleaseEncoders();
        return direct.Take(steps, encodes: false);
    }

    private static bool Differ(Tensor a, Tensor b)
    {
        using DisposeScope scope = NewDisposeScope();
        return !a.Equals(b);
    }

    private static double Resident()
    {
        using Process self = Process.GetCurrentProcess();
        return self.WorkingSet64 / 1e9;
    }

    private static double Peak()
    {
        using Process self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64 / 1e9;
    }
}
