using System.Diagnostics;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>Steps on one pair by the public trainer, or by the calls that it makes.</summary>
internal static class FullSteps
{
    private const string Trainer = "trainer", Checkpointing = "checkpointing", Direct = "direct";

    private const double LearningRate = 3e-5;

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
            LearningRate = LearningRate,
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
        using PreparedPairs pairs = trainer.Prepare([Pair(scale)]);
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

    // The same computation without the trainer: prediction, loss, backward pass and TorchSharp's AdamW on tensors that are ready.
    private static double[] TakeDirectly(PersonalizedModel model, PipelineScale scale, int steps)
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingPair pair = Pair(scale);
        Tensor latents, weights = PatchDpoLoss.Weights(full([1, Side(), Side()], 0.3f), full([1, Side(), Side()], 0.6f));
        TextConditions text;
        ImagePrompt image;
        using (no_grad())
        {
            latents = model.EncodeLatents([pair.Reference, pair.Generated], scale.ImageSide);
            text = model.EncodeText([pair.Prompt, pair.Prompt]);
            image = model.EncodeReferences([pair.Reference, pair.Reference]);
        }
        model.ReleaseEncoders();
        using PersonalizedModel tuned = model.WithAdapterLayers(model.AdapterLayers.Clone());
        foreach (Parameter parameter in tuned.AdapterLayers.parameters())
            parameter.requires_grad = true;
        using AdamW optimizer = optim.AdamW(tuned.AdapterLayers.parameters(), LearningRate, weight_decay: 0.01);
        double[] seconds = new double[steps];
        for (int step = 0; step < steps; step++)
        {
            var clock = Stopwatch.StartNew();
            using DisposeScope stepScope = NewDisposeScope();
            optimizer.zero_grad();
            Tensor noise = randn(1, 4, Side(), Side()), both = cat([noise, noise]), timesteps = tensor(new long[] { 500, 500 });
            Tensor prediction = tuned.PredictNoise(model.Schedule.AddNoise(latents, both, timesteps), timesteps, text, image);
            Tensor loss = PatchDpoLoss.Compute(prediction, both, weights);
            loss.item<float>();
            loss.backward();
            optimizer.step();
            seconds[step] = clock.Elapsed.TotalSeconds;
        }
        return seconds;

        int Side() => scale.ImageSide / model.LatentScale;
    }

    private static bool Differ(Tensor a, Tensor b)
    {
        using DisposeScope scope = NewDisposeScope();
        return !a.Equals(b);
    }

    private static TrainingPair Pair(PipelineScale scale) => new("a cat on a beach", Image(scale.ImageSide, 1), Image(scale.ImageSide, 2),
        new QualityMap(2, 2, [0.5f, 0.7f, 0.8f, 0.9f]), new QualityMap(2, 2, [0.6f, 0.4f, 0.7f, 0.8f]));

    private static ImageBuffer Image(int side, int seed)
    {
        byte[] pixels = new byte[side * side * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageBuffer(side, side, 3, pixels);
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
