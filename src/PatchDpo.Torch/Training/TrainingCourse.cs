using System.Text.Json;
using PatchDpo.Torch.Foundation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training;

/// <summary>Writes a training's course into a folder: a JSON line for each step, and TensorBoard's scalars.</summary>
/// <remarks>A training that goes on from a checkpoint takes steps once more that a killed one took after it: their lines are cut off first.</remarks>
internal sealed class TrainingCourse : IDisposable
{
    /// <summary>The file of JSON lines.</summary>
    public const string LinesFile = "training.jsonl";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly string _folder;
    private StreamWriter? _lines;
    private SummaryWriter? _events;

    /// <param name="folder">Made where it is missing.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public TrainingCourse(string folder) => _folder = Directory.CreateDirectory(folder).FullName;

    /// <summary>Adds a step.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Add(TrainingProgress step)
    {
        if (_lines is null)
        {
            string path = Path.Combine(_folder, LinesFile);
            CutFrom(path, step.Step);
            _lines = new StreamWriter(path, append: true) { AutoFlush = true, NewLine = "\n" };
            _events = utils.tensorboard.SummaryWriter(_folder);
        }
        _lines.WriteLine(JsonSerializer.Serialize(Line.Of(step), Json));
        Add("loss", step.Loss, step);
        Add("learning_rate", step.LearningRate, step);
        Add("gradient_norm", step.GradientNorm, step);
        Add("pairs_per_second", step.PairsPerSecond, step);
        if (step.ImplicitAccuracy is float accuracy)
            Add("implicit_accuracy", accuracy, step);
    }

    /// <inheritdoc/>
    public void Dispose() => _lines?.Dispose();

    private void Add(string name, double value, TrainingProgress step) => _events!.add_scalar(name, (float)value, step.Step);

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
            return JsonSerializer.Deserialize<Line>(line, Json)?.Step;
        }
        catch (JsonException)
        {
            // The end of what a killed process wrote: it is cut off.
            return null;
        }
    }

    private sealed record Line(
        int Step, float Loss, double LearningRate, double GradientNorm, double PairsPerSecond, double Seconds, bool IsSpike, float? ImplicitAccuracy, DateTime Time)
    {
        public static Line Of(TrainingProgress step) => new(step.Step, step.Loss, step.LearningRate, step.GradientNorm, Math.Round(step.PairsPerSecond, 4),
            Math.Round(step.Elapsed.TotalSeconds, 3), step.IsSpike, step.ImplicitAccuracy, DateTime.UtcNow);
    }
}
