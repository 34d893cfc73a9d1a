using System.Diagnostics;
using System.Globalization;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.Tests;

/// <summary>Trainings in processes of their own that are killed at random moments (SIGKILL), resumed each time, and compared with one that was not.</summary>
/// <param name="start">Starts a process that hands its arguments to <see cref="Train"/>.</param>
internal sealed class KilledTraining(Func<string[], Process> start)
{
    private const string Ready = "ready", Step = "step";

    /// <summary>What the child process does: trains the tiny model, a checkpoint a step, and writes the layers.</summary>
    /// <param name="args">The model's folder, the state's folder, how many steps, and the file for the layers.</param>
    public static void Train(string[] args)
    {
        using PersonalizedModel model = PersonalizedModel.Load(args[0]);
        TrainingPair[] pairs = [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
            $"a thing {i}", TinyPersonalizedModel.Image(i), TinyPersonalizedModel.Image(10 + i), Map(0.2f + (0.1f * i)), Map(0.9f - (0.1f * i))))];
        Console.WriteLine(Ready);
        using AdapterLayers tuned = new PatchDpoTrainer(model, new PatchDpoTrainerOptions
        {
            MaxSteps = int.Parse(args[2], CultureInfo.InvariantCulture),
            BatchSize = 2,
            LearningRate = 1e-3,
            LearningRateSchedule = new LearningRateSchedule { Decay = LearningRateDecay.Cosine, WarmupSteps = 3 },
            MaxGradientNorm = 1,
            EmaDecay = 0.9,
            TextDropout = 0.2,
            ImageDropout = 0.2,
            State = new TrainingStateOptions { Folder = args[1], Interval = 1, KeepLast = 2 },
            Progress = new DirectProgress<TrainingProgress>(_ => Console.WriteLine(Step)),
        }).Train(pairs);
        AtomicFile.Write(args[3], stream =>
        {
            foreach ((_, TorchSharp.torch.Tensor value) in tuned.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal))
                stream.Write(value.bytes);
        });
    }

    /// <summary>What makes a child start fast: a life is a second of starting and a few steps.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        ["DOTNET_TieredPGO"] = "0",
        ["DOTNET_gcConcurrent"] = "0",
        ["OMP_NUM_THREADS"] = "1",
    };

    /// <summary>Trains without interruption, then several times with kills, at the same time, and compares the layers' bytes.</summary>
    /// <param name="folder">An empty folder.</param>
    /// <param name="kills">How many processes are killed in all.</param>
    /// <param name="trainings">How many trainings share the kills, each with a state of its own.</param>
    /// <param name="seed">Decides the moments.</param>
    /// <param name="report">Told of each life.</param>
    /// <exception cref="InvalidOperationException">The bytes differ, or a process failed.</exception>
    public void Compare(string folder, int kills, int trainings, int seed, Action<string> report)
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(folder, "model"));
        int most = (kills + trainings - 1) / trainings;
        // More steps than the killed lives can take.
        string steps = string.Create(CultureInfo.InvariantCulture, $"{20 + (10 * most)}");
        string straight = Path.Combine(folder, "straight");
        TimeSpan toFirstStep, perStep;
        using (Process process = start([model, Path.Combine(folder, "state-straight"), steps, straight]))
        {
            WaitFor(process, Ready);
            var clock = Stopwatch.StartNew();
            WaitFor(process, Step);
            toFirstStep = clock.Elapsed;
            int seen = 1;
            while (process.StandardOutput.ReadLine() is Step)
                seen++;
            perStep = (clock.Elapsed - toFirstStep) / seen;
            Finish(process);
        }
        byte[] expected = File.ReadAllBytes(straight);
        Task[] running = [.. Enumerable.Range(0, trainings).Select(i => Task.Factory.StartNew(
            () => Kill(i, kills / trainings + (i < kills % trainings ? 1 : 0)), TaskCreationOptions.LongRunning))];
        Task.WaitAll(running);

        void Kill(int training, int times)
        {
            var random = new Random((seed * 1_000) + training);
            string state = Path.Combine(folder, $"state-{training}"), resumed = Path.Combine(folder, $"resumed-{training}");
            int killed = 0, before = 0;
            while (!File.Exists(resumed))
            {
                using Process process = start([model, state, steps, resumed]);
                if (killed == times)
                {
                    process.StandardOutput.ReadToEnd();
                    Finish(process);
                    continue;
                }
                WaitFor(process, Ready);
                // Some lives end before their first step, while the state is read; the others somewhere in a step or its checkpoint.
                if (random.Next(8) == 0)
                {
                    Thread.Sleep(toFirstStep * random.NextDouble());
                }
                else
                {
                    for (int left = 1 + random.Next(5); left > 0; left--)
                        WaitFor(process, Step);
                    Thread.Sleep(perStep * (2 * random.NextDouble()));
                }
                process.Kill();
                process.WaitForExit();
                if (process.ExitCode == 0)
                    throw new InvalidOperationException("The training ended before it was killed.");
                killed++;
                int step = TrainingStep(state);
                report(string.Create(CultureInfo.InvariantCulture, $"training {training} killed {killed}: steps {before} to {step}"));
                before = step;
            }
            if (!expected.AsSpan().SequenceEqual(File.ReadAllBytes(resumed)))
                throw new InvalidOperationException($"The layers of a training that was killed {killed} times are not those of one that was not.");
        }
    }

    private static int TrainingStep(string state) => Directory.Exists(state)
        ? Directory.GetDirectories(state).Select(d => Path.GetFileName(d)["step-".Length..])
            .Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : 0).DefaultIfEmpty().Max()
        : 0;

    private static void WaitFor(Process process, string line)
    {
        string? read;
        while ((read = process.StandardOutput.ReadLine()) != line)
            if (read is null)
                throw new InvalidOperationException($"The training failed: {process.StandardError.ReadToEnd()}");
    }

    private static void Finish(Process process)
    {
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"The training failed: {errors}");
    }

    private static QualityMap Map(float value) => new(2, 2, [value, value, value, value]);
}
