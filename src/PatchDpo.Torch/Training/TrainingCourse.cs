using System.Globalization;
using System.Text.Json;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Training.Probes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training;

/// <summary>Writes a training's course into a folder: a JSON line for each step and each probe, probes' pictures, and TensorBoard's scalars.</summary>
/// <remarks>A training that goes on from a checkpoint takes steps once more that a killed one took after it: their lines are cut off first.</remarks>
internal sealed class TrainingCourse : IDisposable
{
    /// <summary>The file of JSON lines.</summary>
    public const string LinesFile = "training.jsonl";

    /// <summary>The file of probes' JSON lines.</summary>
    public const string ProbesFile = "probes.jsonl";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly string _folder;
    private StreamWriter? _lines, _probes;
    private SummaryWriter? _events;

    /// <param name="folder">Made where it is missing.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public TrainingCourse(string folder) => _folder = Directory.CreateDirectory(folder).FullName;

    /// <summary>Adds a step.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Add(TrainingProgress step)
    {
        Open(step.Step, step.Step);
        _lines!.WriteLine(JsonSerializer.Serialize(Line.Of(step), Json));
        Add("loss", step.Loss, step.Step);
        Add("learning_rate", step.LearningRate, step.Step);
        Add("gradient_norm", step.GradientNorm, step.Step);
        Add("pairs_per_second", step.PairsPerSecond, step.Step);
        if (step.ImplicitAccuracy is float accuracy)
            Add("implicit_accuracy", accuracy, step.Step);
    }

    /// <summary>Adds a probe.</summary>
    /// <param name="probe">What was drawn and measured.</param>
    /// <param name="grid">Its pictures, for people to look at.</param>
    /// <returns>The probe with its grid's file.</returns>
    /// <exception cref="IOException">It cannot be written.</exception>
    public TrainingProbeResult Add(TrainingProbeResult probe, ImageBuffer grid)
    {
        // A training that goes on from a step draws the probe of that step again, but does not take the step.
        Open(probe.Step + 1, probe.Step);
        string file = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"probe-{probe.Step:D8}.png"));
        ImageFile.SavePng(file, grid);
        _probes ??= Append(ProbesFile);
        _probes.WriteLine(JsonSerializer.Serialize(ProbeLine.Of(probe, Path.GetFileName(file)), Json));
        foreach ((string name, double value) in TrainingProbe.Scores(probe.Metrics))
            Add($"probe/{JsonNamingPolicy.SnakeCaseLower.ConvertName(name)}", value, probe.Step);
        return probe with { GridFile = file };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _lines?.Dispose();
        _probes?.Dispose();
    }

    private void Open(int firstStep, int firstProbe)
    {
        if (_lines is not null)
            return;
        CutFrom(Path.Combine(_folder, LinesFile), firstStep);
        CutFrom(Path.Combine(_folder, ProbesFile), firstProbe);
        _lines = Append(LinesFile);
        _events = utils.tensorboard.SummaryWriter(_folder);
    }

    private StreamWriter Append(string file) => new(Path.Combine(_folder, file), append: true) { AutoFlush = true, NewLine = "\n" };

    private void Add(string name, double value, int step) => _events!.add_scalar(name, (float)value, step);

    /// <summary>Leaves the lines of the steps before one, and nothing of a line that a killed process did not finish.</summary>
    private static void CutFrom(string path, int step)
    {
        if (!File.Exists(path))
            return;
        string[] kept = [.. File.ReadLines(path).TakeWhile(line => StepOf(line) is int earlier && earlier < step)];
        AtomicFile.Write(path, stream =>
        {
            using StreamWriter writer = new(stream, leaveOpen: true) { NewLine = "\n" };
            foreach (string line in kept)
                writer.WriteLine(line);
        });
    }

    private static int? StepOf(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<Numbered>(line, Json)?.Step;
        }
        catch (JsonException)
        {
            // The end of what a killed process wrote: it is cut off.
            return null;
        }
    }

    private sealed record Numbered(int Step);

    private sealed record ProbeLine(
        int Step, double? PatchQuality, double? Dino, double? ClipI, double? ClipT, double? SubjectSimilarity, int BestStep, double BestValue, string Grid,
        double Seconds, DateTime Time)
    {
        public static ProbeLine Of(TrainingProbeResult probe, string grid)
        {
            PersonalizationMetrics metrics = probe.Metrics;
            return new(probe.Step, metrics.PatchQuality?.Mean, metrics.Dino?.Mean, metrics.ClipI?.Mean, metrics.ClipT?.Mean, metrics.SubjectSimilarity?.Mean,
                probe.BestStep, probe.BestValue, grid, Math.Round(probe.Elapsed.TotalSeconds, 3), DateTime.UtcNow);
        }
    }

    private sealed record Line(
        int Step, float Loss, double LearningRate, double GradientNorm, double PairsPerSecond, double Seconds, bool IsSpike, float? ImplicitAccuracy, DateTime Time)
    {
        public static Line Of(TrainingProgress step) => new(step.Step, step.Loss, step.LearningRate, step.GradientNorm, Math.Round(step.PairsPerSecond, 4),
            Math.Round(step.Elapsed.TotalSeconds, 3), step.IsSpike, step.ImplicitAccuracy, DateTime.UtcNow);
    }
}
