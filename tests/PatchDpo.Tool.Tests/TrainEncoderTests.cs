using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Tests;

/// <summary>The command train-encoder, run as its users run it.</summary>
public sealed class TrainEncoderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-encoder-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_trained_encoder_loads_and_has_the_head_that_was_asked_for()
    {
        string photos = Directory.CreateDirectory(Path.Combine(_root, "photos")).FullName, output = Path.Combine(_root, "new", "encoder");
        for (int i = 0; i < 3; i++)
            ImageFile.SavePng(Path.Combine(photos, $"{i}.png"), TinyPersonalizedModel.Image(i, 96, 80));
        string encoder = TinyModels.WriteDino(Path.Combine(_root, "dino"), seed: 3);
        (int exitCode, string[] lines, string[] errors) = Tool.Run(
            "train-encoder", encoder, photos, output, "--steps", "2", "--batch", "2", "--points", "8", "--crop", "0", "--head", "6");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.StartsWith("3 images; ", lines[0], StringComparison.Ordinal);
        Assert.Equal($"written to '{output}'", lines[^1]);
        Assert.StartsWith("step 2 of 2: loss ", errors[^1], StringComparison.Ordinal);
        using IVisionEncoder trained = PatchEncoder.FromFolder(output);
        using Tensor pixels = zeros(1, 3, 32, 32);
        using VisionFeatures features = trained.Encode(pixels);
        Assert.Equal([1, 4, 4, 6], features.Patches.shape);
    }

    [Theory]
    [InlineData("There is no folder", "ENCODER", "nowhere", "out")]
    [InlineData("has none of these files", "ROOT", "ROOT", "out")]
    [InlineData("MaxSteps is at least 1", "ENCODER", "ROOT", "out", "--steps", "0")]
    [InlineData("Required argument missing", "ENCODER")]
    public void Bad_input_gives_one_line_and_exit_code_2(string message, params string[] arguments)
    {
        string encoder = TinyModels.WriteDino(Path.Combine(_root, "dino"), seed: 3);
        string[] all = [.. arguments.Select(a => a switch { "ENCODER" => encoder, "ROOT" => _root, "out" => Path.Combine(_root, "out"), _ => a })];
        (int exitCode, string[] output, string[] errors) = Tool.Run("train-encoder", all);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(errors), StringComparison.Ordinal);
        Assert.Empty(output);
        Assert.False(Directory.Exists(Path.Combine(_root, "out")));
    }
}
