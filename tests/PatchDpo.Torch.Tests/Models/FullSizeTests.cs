using PatchDpo.Tests;

namespace PatchDpo.Torch.Tests.Models;

/// <summary>The benchmark of full-size models, on a tiny one.</summary>
public sealed class FullSizeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_is_written_loaded_measured_run_and_deleted()
    {
        string folder = _folder.File("");
        (int exitCode, string output, string errors) = Run("--scale", "tiny", "--rounds", "1", "--folder", folder);
        Assert.Equal((0, ""), (exitCode, errors));
        foreach (string expected in new[]
        {
            "random weights, float16", "loaded as Float16, page cache warm", "loaded as BFloat16, page cache warm", "load, new memory", "load, memory in use before",
            "peak / weights", "mapped as Float16", "each weight used once", "one forward at 64 pixels, batch 1, image prompt of 4 tokens",
        })
            Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    [Fact]
    public void A_failure_leaves_no_file_behind()
    {
        string folder = _folder.File("");
        // No round cannot be measured: the first process fails after all is written.
        Assert.NotEqual(0, Run("--scale", "tiny", "--rounds", "0", "--folder", folder).ExitCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    private static (int ExitCode, string Output, string Errors) Run(params string[] arguments) =>
        ChildProcess.Finish(ChildProcess.StartAssembly("PatchDpo.Benchmarks.dll", ["fullsize", .. arguments]));
}
