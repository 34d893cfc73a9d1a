using System.Diagnostics;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Probes;

namespace PatchDpo.Tool.Train;

/// <summary>Opens model and pairs, trains, and writes the adapter.</summary>
/// <param name="open">Opens the generator, or hands one over; it is disposed here.</param>
/// <param name="options">How it is trained; told where progress goes.</param>
internal sealed class AdapterTraining(Func<PersonalizedModel> open, Func<IProgress<TrainingProgress>, PatchDpoTrainerOptions> options)
{
    // A step's loss depends on its timestep more than on the model: what is shown is a running mean over about so many steps.
    private const int ShownSteps = 50;

    private readonly RunningMean _loss = new(ShownSteps), _preferred = new(ShownSteps);

    // Also a training that goes on tells, at its first step here.
    private bool _hasWarned;

    /// <summary>Runs it; all that can be wrong with the output is told before anything is computed.</summary>
    public void Run(string pairFolder, bool verify, string output, CancellationToken cancellationToken)
    {
        CheckOutput(output);
        // Options that contradict one another are told before a big model is read.
        PatchDpoTrainerOptions choices = options(new DirectProgress<TrainingProgress>(_ => { }));
        PairFolder folder = PairFolder.Open(pairFolder, verify);
        using PersonalizedModel generator = open();
        int ranks = choices.Processes?.Size ?? 1;
        Console.WriteLine($"{folder.Pairs.Count} pairs, {choices.MaxSteps} steps of {Math.Min((long)choices.BatchSize * ranks, folder.Pairs.Count)}"
            + $"{(ranks > 1 ? $" on {ranks} ranks" : "")}, learning rate {choices.LearningRate}, seed {choices.Seed}");
        if (choices.State?.FindLastStep() is int step)
            Console.WriteLine($"goes on from step {step} in '{choices.State.Folder}'");
        var clock = Stopwatch.StartNew();
        using PersonalizedModel tuned = generator.WithAdapterLayers(ToolProgress.Run("pairs are encoded", shown =>
        {
            var trainer = new PatchDpoTrainer(generator, options(new DirectProgress<TrainingProgress>(p => Show(shown, p))));
            using PreparedPairs pairs = trainer.Prepare(Told(folder, shown), cancellationToken);
            // Gigabytes that the steps do not need; a probe does.
            if (choices.Probe is null)
                generator.ReleaseEncoders();
            return trainer.Train(pairs, cancellationToken);
        }));
        cancellationToken.ThrowIfCancellationRequested();
        // All ranks have the same.
        if (!RankGroup.IsFirst)
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(output)!);
        tuned.SaveAdapter(output);
        Console.WriteLine($"{clock.Elapsed.TotalSeconds:F1} s, mean loss of the last steps {_loss.Value:F4}; {Best(choices, tuned)}written to '{output}'");
    }

    // A training that was done before has no last steps, but a best one.
    private static string Best(PatchDpoTrainerOptions choices, PersonalizedModel tuned)
        => choices.Probe?.GivesBest == true ? $"the best step is {tuned.AdapterLayers.TrainedSteps}; " : "";

    /// <summary>Encodes the pairs into the options' store, and no more.</summary>
    public void Prepare(string pairFolder, bool verify, CancellationToken cancellationToken)
    {
        PatchDpoTrainerOptions choices = options(new DirectProgress<TrainingProgress>(_ => { }));
        PairFolder folder = PairFolder.Open(pairFolder, verify);
        using PersonalizedModel generator = open();
        var clock = Stopwatch.StartNew();
        using PreparedPairs prepared = ToolProgress.Run(
            "pairs are encoded", shown => new PatchDpoTrainer(generator, choices).Prepare(Told(folder, shown), cancellationToken));
        PromptWarnings.Print(prepared.TruncatedPrompts);
        Console.WriteLine($"{prepared.Count} pairs are in the store '{choices.Store!.Folder}', {clock.Elapsed.TotalSeconds:F1} s");
    }

    // One after another, and how many there were so far.
    private static IEnumerable<TrainingPair> Told(PairFolder folder, ToolProgress shown)
    {
        int count = 0;
        foreach (TrainingPair pair in folder.Read())
        {
            yield return pair;
            // The last line is the training's.
            if (++count < folder.Pairs.Count)
                shown.Report(count, folder.Pairs.Count, $"{count} of {folder.Pairs.Count} pairs are encoded");
        }
    }

    private static void CheckOutput(string output)
    {
        if (Path.GetExtension(output).ToLowerInvariant() is not (".safetensors" or ".bin" or ".pt"))
            throw new InputException($"The output '{output}' ends neither in .safetensors nor in .bin or .pt, which choose the adapter's format.");
        if (Directory.Exists(output))
            throw new InputException($"The output '{output}' is a folder, where a file is expected.");
        OutputFolder.Check(Path.GetDirectoryName(output)!);
    }

    private void Show(ToolProgress shown, TrainingProgress progress)
    {
        if (!_hasWarned)
        {
            _hasWarned = true;
            PromptWarnings.Print(progress.TruncatedPrompts, shown.WriteLine);
            PromptWarnings.Print(progress.Warnings, shown.WriteLine);
        }
        foreach (TrainingProbeResult probe in progress.Probes)
            shown.WriteLine($"probe of step {probe.Step}: {string.Join(", ", Scores(probe.Metrics))}; "
                + $"the best is {probe.BestValue:F4} of step {probe.BestStep}");
        string preferred = progress.ImplicitAccuracy is float share ? $", reference preferred {_preferred.Add(share):P0}" : "";
        string spike = progress.IsSpike ? ", a spike, not taken" : "";
        shown.Report(progress.Step, progress.MaxSteps, $"step {progress.Step} of {progress.MaxSteps}: loss {_loss.Add(progress.Loss):F4}{preferred}{spike}, "
            + $"{progress.PairsPerSecond:0.##} pairs/s, {Left(progress.Remaining)} left");
    }

    private static IEnumerable<string> Scores(PersonalizationMetrics metrics)
        => new (string Name, MetricEstimate? Metric)[]
        {
            ("patch quality", metrics.PatchQuality), ("DINO", metrics.Dino), ("CLIP-I", metrics.ClipI), ("CLIP-T", metrics.ClipT),
            ("subject similarity", metrics.SubjectSimilarity),
        }.Where(m => m.Metric is not null).Select(m => $"{m.Name} {m.Metric!.Mean:F4}");

    private static string Left(TimeSpan time) => time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time:mm\\:ss}" : $"{time:m\\:ss}";
}
