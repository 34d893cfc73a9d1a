using System.Text.Json;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Training;

namespace PatchDpo.Torch.Reports;

/// <summary>A training's course as its folder has it.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Steps">Its steps, at least one.</param>
/// <param name="Probes">Its probes; none where it had no probe.</param>
internal sealed record TrainingLog(string Folder, IReadOnlyList<TrainingLogStep> Steps, IReadOnlyList<TrainingLogProbe> Probes)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Reads a folder.</summary>
    public static TrainingLog Read(string folder)
    {
        string path = Path.Combine(folder, TrainingCourse.LinesFile), probes = Path.Combine(folder, TrainingCourse.ProbesFile);
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file '{path}': the training had no folder for its log, or has not taken a step.", path);
        TrainingLogStep[] steps = [.. Lines<TrainingLogStep>(path)];
        return steps.Length == 0 ? throw new RecordFileException(path, null, "it holds no step.")
            : new TrainingLog(folder, steps, File.Exists(probes) ? [.. Lines<TrainingLogProbe>(probes)] : []);
    }

    private static IEnumerable<T> Lines<T>(string path) where T : class
    {
        using FileStream stream = RegularFile.OpenRead(path, kind => new RecordFileException(path, null, $"this is {kind}, not a training's course."));
        using StreamReader reader = new(stream);
        string? line = reader.ReadLine();
        for (int number = 1; line is not null; number++)
        {
            string? next = reader.ReadLine();
            T? value = null;
            try
            {
                value = JsonSerializer.Deserialize<T>(line, Json);
            }
            catch (JsonException e)
            {
                // The end of what a killed process wrote is no fault.
                if (next is not null)
                    throw new RecordFileException(path, number, $"this is no line of a training's course: {e.Message}", e);
            }
            if (value is not null)
                yield return value;
            line = next;
        }
    }
}
