using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using PatchDpo.Mpi;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.Tests;

/// <summary>
/// A training on several ranks of which one is killed or stopped at random moments. Each time the run must end in time with an error that names the rank,
/// and the next one goes on from a whole checkpoint; the layers at the end are those of a training that nothing happened to.
/// </summary>
/// <param name="ranks">How many ranks.</param>
/// <param name="prepare">How to start a process that hands its arguments to <see cref="Train(string[])"/>.</param>
internal sealed partial class KilledRanks(int ranks, Func<string[], ProcessStartInfo> prepare)
{
    /// <summary>How long a rank waits for the others.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    /// <summary>After this a run has ended: the wait, the roll call's five seconds, and what a busy machine takes.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>What each rank does: trains the tiny model, a checkpoint a step; the first one writes the layers.</summary>
    /// <param name="args">The model's folder, the state's folder, how many steps, and the file for the layers.</param>
    /// <returns>The exit code.</returns>
    public static int Train(string[] args)
    {
        using MpiProcessGroup group = MpiProcessGroup.Join(Timeout);
        Say(string.Create(CultureInfo.InvariantCulture, $"rank {group.Rank} pid {Environment.ProcessId}"));
        try
        {
            Train(args, group);
            group.Complete();
            return 0;
        }
        catch (PatchDpoException e)
        {
            Console.Error.WriteLine($"rank {group.Rank} ends: {e.Message}");
            group.Abort(2);
            return 2;
        }
    }

    /// <summary>Trains without a fault, then with faults, and compares the layers' bytes.</summary>
    /// <param name="folder">An empty folder.</param>
    /// <param name="kills">How often a rank is killed or stopped.</param>
    /// <param name="seed">Decides the moments and the ranks.</param>
    /// <param name="report">Told of each life.</param>
    /// <exception cref="InvalidOperationException">The bytes differ, a run did not end in time, or its error names no rank.</exception>
    public void Compare(string folder, int kills, int seed, Action<string> report)
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(folder, "model"));
        string steps = string.Create(CultureInfo.InvariantCulture, $"{20 + (8 * kills)}");
        string straight = Path.Combine(folder, "straight"), resumed = Path.Combine(folder, "resumed"), state = Path.Combine(folder, "state-resumed");
        using (var life = new Life(prepare([model, Path.Combine(folder, "state-straight"), steps, straight]), ranks))
            life.Finish();
        var random = new Random(seed);
        for (int i = 0; i < kills; i++)
        {
            using var life = new Life(prepare([model, state, steps, resumed]), ranks);
            int rank = random.Next(ranks);
            // Some die before their first step, the others somewhere in a step or a checkpoint; one in four hangs instead.
            life.WaitForSteps(random.Next(5));
            Thread.Sleep(random.Next(120));
            bool hangs = random.Next(4) == 0;
            (TimeSpan time, string errors) = life.End(rank, hangs);
            if (!NamesRank(errors, rank))
                throw new InvalidOperationException($"Rank {rank} was {(hangs ? "stopped" : "killed")}, but the error does not say so: {errors}");
            report(string.Create(CultureInfo.InvariantCulture,
                $"{i + 1}: rank {rank} {(hangs ? "stopped" : "killed")} at step {new TrainingStateOptions { Folder = state }.FindLastStep() ?? 0}, over after {time.TotalSeconds:F1} s"));
        }
        using (var last = new Life(prepare([model, state, steps, resumed]), ranks))
            last.Finish();
        if (!File.ReadAllBytes(straight).AsSpan().SequenceEqual(File.ReadAllBytes(resumed)))
            throw new InvalidOperationException($"The layers of a training whose ranks failed {kills} times are not those of one without a fault.");
    }

    // mpirun's own words of a process that died, or ours of one that does not answer.
    private static bool NamesRank(string errors, int rank) => RankNames().Matches(errors).Any(m => m.Groups[1].Value == $"{rank}");

    [GeneratedRegex(@"(?:process rank|Rank) (\d+)(?: with PID| did not answer)")]
    private static partial Regex RankNames();

    private static void Train(string[] args, MpiProcessGroup group)
    {
        using PersonalizedModel model = PersonalizedModel.Load(args[0]);
        TrainingPair[] pairs = [.. Enumerable.Range(0, 4).Select(i => new TrainingPair(
            $"a thing {i}", TinyPersonalizedModel.Image(i), TinyPersonalizedModel.Image(10 + i), Map(0.2f + (0.1f * i)), Map(0.9f - (0.1f * i))))];
        using AdapterLayers tuned = new PatchDpoTrainer(model, new PatchDpoTrainerOptions
        {
            MaxSteps = int.Parse(args[2], CultureInfo.InvariantCulture),
            BatchSize = 1,
            LearningRate = 1e-3,
            EmaDecay = 0.9,
            State = new TrainingStateOptions { Folder = args[1], Interval = 1, KeepLast = 2 },
            Processes = group,
            Progress = new DirectProgress<TrainingProgress>(_ =>
            {
                if (group.Rank == 0)
                    Say("step");
            }),
        }).Train(pairs);
        if (group.Rank == 0)
            AtomicFile.Write(args[3], stream =>
            {
                foreach ((_, TorchSharp.torch.Tensor value) in tuned.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal))
                    stream.Write(value.bytes);
            });
    }

    // In one piece: mpirun mixes what its processes write.
    private static void Say(string line)
    {
        Console.Out.Write(line + "\n");
        Console.Out.Flush();
    }

    private static QualityMap Map(float value) => new(2, 2, [value, value, value, value]);

    /// <summary>One run of mpirun.</summary>
    private sealed partial class Life : IDisposable
    {
        private readonly Process _process;
        private readonly Task<string> _errors;
        private readonly Dictionary<int, int> _pids = [];

        public Life(ProcessStartInfo program, int ranks)
        {
            _process = Process.Start(MpiRun.Prepare(ranks, program))!;
            _errors = _process.StandardError.ReadToEndAsync();
            while (_pids.Count < ranks)
                Read();
        }

        public void WaitForSteps(int count)
        {
            for (int seen = 0; seen < count;)
                if (Read() == "step")
                    seen++;
        }

        /// <summary>Kills a rank, or stops it without ending it, and waits for the run's end.</summary>
        public (TimeSpan Time, string Errors) End(int rank, bool hangs)
        {
            var clock = Stopwatch.StartNew();
            // .NET has no way to stop a process without ending it.
            using (Process signal = Process.Start("kill", [hangs ? "-STOP" : "-KILL", _pids[rank].ToString(CultureInfo.InvariantCulture)]))
                signal.WaitForExit();
            Task<string> rest = _process.StandardOutput.ReadToEndAsync();
            if (!_process.WaitForExit(Limit))
                throw new InvalidOperationException($"The run goes on {Limit.TotalSeconds} s after rank {rank} was {(hangs ? "stopped" : "killed")}.");
            TimeSpan time = clock.Elapsed;
            rest.Wait();
            return _process.ExitCode != 0 ? (time, _errors.Result) : throw new InvalidOperationException("The training ended before its rank did.");
        }

        public void Finish()
        {
            _process.StandardOutput.ReadToEnd();
            _process.WaitForExit();
            if (_process.ExitCode != 0)
                throw new InvalidOperationException($"The training failed: {_errors.Result}");
        }

        public void Dispose()
        {
            if (!_process.HasExited)
                _process.Kill(entireProcessTree: true);
            _process.Dispose();
        }

        private string Read()
        {
            string line = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The training failed: {_errors.Result}");
            if (Hello().Match(line) is { Success: true } hello)
                _pids[int.Parse(hello.Groups[1].ValueSpan, CultureInfo.InvariantCulture)] = int.Parse(hello.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
            return line;
        }

        [GeneratedRegex(@"^rank (\d+) pid (\d+)$")]
        private static partial Regex Hello();
    }
}
