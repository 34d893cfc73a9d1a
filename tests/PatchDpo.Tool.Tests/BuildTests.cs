using PatchDpo.Torch.DataConstruction;

namespace PatchDpo.Tool.Tests;

/// <summary>The command build, run as its users run it.</summary>
public sealed class BuildTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-build-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Images_are_written_in_the_format_of_the_option_and_another_one_is_refused_afterwards()
    {
        string output = Path.Combine(_root, "pairs");
        string[] arguments = ["--references", "1", "--generations", "1", "--steps", "4", "--output", output];
        (int exitCode, _, string[] errors) = Tool.Run("build", [.. arguments, "--format", "tiff"]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        PairEntry pair = Assert.Single(PairFolder.Open(output, verifyHashes: true).Pairs);
        Assert.EndsWith("_gen_0.tiff", pair.GeneratedPath, StringComparison.Ordinal);
        Assert.Equal("II*\0"u8, File.ReadAllBytes(pair.GeneratedPath).AsSpan(0, 4));
        Assert.Equal([Path.Combine(output, "overview.png")], Directory.GetFiles(output, "*.png", SearchOption.AllDirectories));

        (exitCode, _, errors) = Tool.Run("build", arguments);
        Assert.Equal(2, exitCode);
        Assert.Contains("ImageFormat: Tiff, now Png", Assert.Single(errors), StringComparison.Ordinal);
        (exitCode, _, errors) = Tool.Run("build", [.. arguments, "--format", "tiff", "--mirrored-references"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("ReferenceViews.Mirrored: absent, now True", Assert.Single(errors), StringComparison.Ordinal);
        (exitCode, _, errors) = Tool.Run("build", [.. arguments, "--format", "tiff", "--align-objects"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("ObjectAlignment.Displacement: absent, now 32", string.Join('\n', errors), StringComparison.Ordinal);
        (exitCode, _, errors) = Tool.Run("build", [.. arguments, "--align-objects", "--mirrored-references"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("--align-objects goes without views", Assert.Single(errors), StringComparison.Ordinal);
        (exitCode, _, errors) = Tool.Run("build", [.. arguments, "--format", "tiff", "--size", "32"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("--size", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_built_can_be_trained_on()
    {
        string pairs = Path.Combine(_root, "pairs"), adapter = Path.Combine(_root, "tuned.safetensors");
        (int exitCode, _, string[] errors) = Tool.Run("build", "--references", "1", "--generations", "1", "--steps", "2", "--align-objects", "--output", pairs);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        (exitCode, string[] output, errors) = Tool.Run("train", "--pairs", pairs, "--verify", "--output", adapter, "--steps", "1");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.StartsWith("1 pairs, 1 steps of 1,", output[0], StringComparison.Ordinal);
        Assert.True(File.Exists(adapter));
    }

    [Fact]
    public void A_format_that_is_not_written_is_refused_before_anything_is_made()
    {
        string output = Path.Combine(_root, "pairs");
        (int exitCode, _, string[] errors) = Tool.Run("build", "--format", "gif", "--output", output);
        Assert.Equal(2, exitCode);
        Assert.Contains("gif", string.Join(' ', errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }
}
