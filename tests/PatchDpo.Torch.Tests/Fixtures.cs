using System.Text.Json;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests;

/// <summary>Finds and reads golden fixtures: below PATCHDPO_FIXTURES, or the repository's tests/fixtures.</summary>
internal static class Fixtures
{
    private static readonly Lazy<string> LazyRoot = new(FindRoot);

    /// <summary>The fixtures' folder; fails where it is absent.</summary>
    public static string Root => LazyRoot.Value;

    /// <summary>The repository's folder, found by its solution file; null where the tests run elsewhere.</summary>
    public static string? Repository
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "PatchDpo.sln")))
                folder = folder.Parent;
            return folder?.FullName;
        }
    }

    /// <summary>A path below the fixtures' folder.</summary>
    public static string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    /// <summary>A path below the folder "shared" beside the repository, which holds real weights and images; skips the test where it is absent.</summary>
    public static string SharedOrSkip(params string[] parts)
    {
        string path = System.IO.Path.Combine([Repository ?? "", "..", "shared", .. parts]);
        Skip.IfNot(File.Exists(path) || Directory.Exists(path), $"'{path}' is not here.");
        return path;
    }

    /// <summary>Files of a fixture folder that match a pattern, in order; fails where there is none.</summary>
    public static IReadOnlyList<string> Find(string folder, string pattern)
    {
        string path = Path(folder);
        if (!Directory.Exists(path))
            throw new DirectoryNotFoundException($"The fixtures folder '{Root}' has no folder '{folder}'.");
        string[] files = Directory.GetFiles(path, pattern);
        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files : throw new FileNotFoundException($"The fixtures folder '{path}' has no file '{pattern}'.");
    }

    /// <summary>Reads a JSON file; relative paths are below the fixtures' folder.</summary>
    public static JsonElement Json(string path)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path(path)));
        return document.RootElement.Clone();
    }

    /// <summary>Reads all tensors of a safetensors file; relative paths are below the fixtures' folder.</summary>
    public static Dictionary<string, Tensor> Tensors(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path(path));
        return file.ReadAll();
    }

    /// <summary>Asserts equal shapes and max |actual - expected| at most the tolerance (0: equal).</summary>
    public static void AssertClose(Tensor actual, Tensor expected, double tolAbs, string what)
    {
        Assert.True(actual.shape.AsSpan().SequenceEqual(expected.shape),
            $"{what}: shape [{string.Join(",", actual.shape)}], expected [{string.Join(",", expected.shape)}].");
        if (expected.numel() == 0)
            return;
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor difference = (actual.detach().cpu().to(float64) - expected.detach().cpu().to(float64)).abs();
        double max = difference.max().item<double>();
        // A NaN is never close, whichever side has it.
        Assert.True(max <= tolAbs, $"{what}: max difference {max:g4} at flat index {difference.flatten().argmax().item<long>()}, tolerance {tolAbs:g4}.");
    }

    private static string FindRoot()
    {
        string? fromEnvironment = Environment.GetEnvironmentVariable("PATCHDPO_FIXTURES");
        string root = string.IsNullOrEmpty(fromEnvironment)
            ? System.IO.Path.Combine(Repository ?? throw new DirectoryNotFoundException(
                $"No PatchDpo.sln above '{AppContext.BaseDirectory}': set PATCHDPO_FIXTURES to the fixtures' folder."), "tests", "fixtures")
            : System.IO.Path.GetFullPath(fromEnvironment);
        return Directory.Exists(root) ? root : throw new DirectoryNotFoundException($"The fixtures folder '{root}' does not exist.");
    }
}
