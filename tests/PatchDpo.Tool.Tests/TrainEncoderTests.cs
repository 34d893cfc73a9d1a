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

    [Fact]
    public void What_training_changed_alone_is_a_folder_that_opens()
    {
        string photos = Directory.CreateDirectory(Path.Combine(_root, "photos")).FullName, output = Path.Combine(_root, "encoder");
        ImageFile.SavePng(Path.Combine(photos, "0.png"), TinyPersonalizedModel.Image(0, 96, 80));
        (int exitCode, _, string[] errors) = Tool.Run("train-encoder", "resnet18", photos, output, "--stages", "2", "3", "--steps", "1", "--batch", "1",
            "--points", "8", "--crop", "64", "--head", "0", "--blocks", "2", "--difference");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.InRange(new FileInfo(Assert.Single(Directory.GetFiles(output))).Length, 1_000_000, 10_000_000);
        using IVisionEncoder trained = PatchEncoder.FromFolder(output), untrained = PatchEncoder.LoadResNet18();
        using Tensor pixels = ones(1, 3, 64, 64);
        using VisionFeatures features = trained.Encode(pixels), before = untrained.Encode(pixels);
        Assert.Equal(before.Patches.shape, features.Patches.shape);
        Assert.NotEqual(before.Patches.sum().item<float>(), features.Patches.sum().item<float>());
    }

    [Fact]
    public void Only_ResNet_18_without_a_head_has_a_difference()
    {
        string photos = Directory.CreateDirectory(Path.Combine(_root, "photos")).FullName, output = Path.Combine(_root, "encoder");
        string dino = TinyModels.WriteDino(Path.Combine(_root, "dino"), seed: 3);
        (int exitCode, _, string[] errors) = Tool.Run("train-encoder", "resnet18", photos, output, "--difference");
        Assert.Equal((2, "error: --difference: a head is not a part of it; add '--head 0'."), (exitCode, Assert.Single(errors)));
        (exitCode, _, errors) = Tool.Run("train-encoder", dino, photos, output, "--head", "0", "--difference");
        Assert.Equal((2, "error: --difference is for 'resnet18' and 'resnet18-trained' alone."), (exitCode, Assert.Single(errors)));
        Assert.False(Directory.Exists(output));
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
