using System.Diagnostics;
using System.Text.Json;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Where a run reads and writes, and what it prints.</summary>
/// <param name="Output">The folder that is shipped: generator, patch_encoder, eval_dino, eval_clip.</param>
/// <param name="Work">Checkpoints and contact sheets.</param>
/// <param name="Seed">Decides everything random.</param>
/// <param name="Scale">Factor of every stage's step count; below 1 for a trial.</param>
internal sealed record TrainingContext(string Output, string Work, int Seed, double Scale)
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>A stage's step count after <see cref="Scale"/>.</summary>
    public int Steps(int full) => Math.Max(20, (int)(full * Scale));

    /// <summary>Prints a line with the time since the start.</summary>
    public void Log(string message) => Console.WriteLine($"[{_clock.Elapsed:hh\\:mm\\:ss}] {message}");

    /// <summary>Path of a checkpoint or picture.</summary>
    public string WorkFile(string name)
    {
        Directory.CreateDirectory(Work);
        return Path.Combine(Work, name);
    }

    /// <summary>Path of a shipped folder.</summary>
    public string OutputFolder(params string[] parts) => Path.Combine([Output, .. parts]);

    /// <summary>Saves rows of images, twice as large.</summary>
    public void SaveSheet(string name, IReadOnlyList<IReadOnlyList<ImageBuffer>> rows)
        => ImageFile.SavePng(WorkFile(name), ImageGrid.Compose(rows, new ImageGridOptions { CellSize = 128 }));

    /// <summary>Writes a model's folder: its configuration and its float16 weights.</summary>
    public static void WriteModel(string folder, string weightsFile, object config, nn.Module module)
    {
        Directory.CreateDirectory(folder);
        WriteJson(folder, "config.json", config);
        WriteWeights(Path.Combine(folder, weightsFile), module.state_dict());
    }

    public static void WriteJson(string folder, string name, object value)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, name), JsonSerializer.Serialize(value, s_indented) + "\n");
    }

    public static void WriteWeights(string path, IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        SafetensorsWriter.Write(path, tensors.ToDictionary(t => t.Key, t => t.Value.detach().to(ScalarType.Float16)));
    }
}
