using System.Diagnostics;
using System.Globalization;
using PatchDpo.Tests;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Tests;

/// <summary>The command train, run as its users run it.</summary>
public sealed class TrainTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-train-").FullName;
    private readonly string _pairs, _output;

    public TrainTests()
    {
        (_pairs, _output) = (Path.Combine(_root, "pairs"), Path.Combine(_root, "new", "tuned.safetensors"));
        // The official layout: nothing but images and maps.
        for (int sample = 0; sample < 2; sample++)
        {
            string folder = Directory.CreateDirectory(Path.Combine(_pairs, $"sample{sample}")).FullName;
            ImageFile.SavePng(Path.Combine(folder, "a cat_entity_0.png"), TinyPersonalizedModel.Image(sample));
            for (int i = 0; i < 2; i++)
                ImageFile.SavePng(Path.Combine(folder, $"a cat_gen_{i}.png"), TinyPersonalizedModel.Image(10 + (2 * sample) + i));
        }
        var map = new QualityMap(2, 2, [0.1f, 0.9f, 0.5f, 0.7f]);
        IReadOnlyList<QualityMapPair> maps = [new(map, map), new(map, map)];
        QualityMapPickle.Write(Path.Combine(_pairs, "patch_quality.pkl"), [maps, maps]);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_tuned_adapter_loads_and_differs_in_what_is_trained()
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15);
        (int exitCode, string[] output, string[] errors) = Run(model, "--steps", "3", "--batch-size", "2", "--learning-rate", "1e-2", "--seed", "7");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal("4 pairs, 3 steps of 2, learning rate 0.01, seed 7", output[0]);
        Assert.EndsWith($"written to '{_output}'", output[^1], StringComparison.Ordinal);
        Assert.StartsWith("step 3 of 3: loss ", errors[^1], StringComparison.Ordinal);
        byte[] first = File.ReadAllBytes(_output);
        using DisposeScope scope = NewDisposeScope();
        using (PersonalizedModel before = PersonalizedModel.Load(model), after = PersonalizedModel.Load(model, _output))
        {
            Dictionary<string, Tensor> old = before.AdapterLayers.state_dict();
            Assert.NotEmpty(old);
            Assert.All(after.AdapterLayers.state_dict(), t => Assert.False(t.Value.Equals(old[t.Key]), t.Key));
            using ImagePrompt reference = before.EncodeReferences([TinyPersonalizedModel.Image(1)]), same = after.EncodeReferences(
                [TinyPersonalizedModel.Image(1)]);
            Assert.True(reference["tokens"].Equals(same["tokens"]));
        }

        // The same seed gives the same file, another one another.
        Assert.Equal(0, Run(model, "--steps", "3", "--batch-size", "2", "--learning-rate", "1e-2", "--seed", "7").ExitCode);
        Assert.Equal(first, File.ReadAllBytes(_output));
        Assert.Equal(0, Run(model, "--steps", "3", "--batch-size", "2", "--learning-rate", "1e-2", "--seed", "8").ExitCode);
        Assert.NotEqual(first, File.ReadAllBytes(_output));
    }

    [Theory]
    [InlineData("--objective", "reconstruction")]
    [InlineData("--objective", "diffusion-dpo")]
    [InlineData("--weights", "min-max")]
    [InlineData("--contrast", "6")]
    [InlineData("--size", "16")]
    [InlineData("--scale", "0.5")]
    [InlineData("--min-snr-gamma", "5")]
    [InlineData("--schedule", "cosine")]
    [InlineData("--warmup-steps", "1")]
    [InlineData("--accumulate", "2")]
    [InlineData("--max-gradient-norm", "1e-9")]
    [InlineData("--ema-decay", "0.5")]
    [InlineData("--dtype", "bfloat16")]
    public void An_option_changes_what_is_learned(string option, string value)
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15);
        string[] few = ["--steps", "2", "--batch-size", "4", "--learning-rate", "1e-2"];
        (int exitCode, _, string[] errors) = Run(model, few);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        byte[] first = File.ReadAllBytes(_output);
        (exitCode, _, errors) = Run(model, [.. few, option, value]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.NotEqual(first, File.ReadAllBytes(_output));
    }

    [Fact]
    public void The_embedded_model_is_trained_where_none_is_named_and_the_official_form_is_written()
    {
        string output = Path.Combine(_root, "tuned.bin");
        (int exitCode, string[] lines, string[] errors) = Tool.Run("train", "--pairs", _pairs, "--output", output, "--steps", "2");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal("4 pairs, 2 steps of 4, learning rate 0.001, seed 42", lines[0]);
        using PersonalizedModel before = PersonalizedModel.LoadEmbedded(), after = PersonalizedModel.Load(EmbeddedModels.Generator, output);
        Dictionary<string, Tensor> old = before.AdapterLayers.state_dict();
        // Beyond what float16 rounds off.
        Assert.All(after.AdapterLayers.state_dict(), t => Assert.True((t.Value - old[t.Key]).abs().max().item<float>() > 1e-4, t.Key));
    }

    [Theory]
    [InlineData("The output '", "--output", "tuned.pth")]
    [InlineData("is a file, where a folder is expected", "--output", "FILE/tuned.bin")]
    [InlineData("There is no folder", "--pairs", "nowhere")]
    [InlineData("this is no folder of pairs", "--pairs", "ROOT")]
    [InlineData("has none of these files: model_index.json", "--model", "PAIRS")]
    [InlineData("There is no adapter file", "--adapter", "none.bin")]
    [InlineData("MaxSteps is at least 1", "--steps", "0")]
    [InlineData("sum to", "--text-dropout", "0.6", "--both-dropout", "0.6")]
    [InlineData("not recognized", "--objective", "best")]
    [InlineData("not recognized", "--schedule", "wild")]
    [InlineData("EmaDecay lies in [0, 1)", "--ema-decay", "1")]
    [InlineData("'gpu' is no device", "--device", "gpu")]
    [InlineData("multiple of", "--size", "30")]
    public void Bad_input_gives_one_line_and_exit_code_2(string message, params string[] arguments)
    {
        string file = Path.Combine(_root, "file");
        File.WriteAllText(file, "");
        List<string> all = [.. arguments.Select(a => a.Replace("FILE", file).Replace("ROOT", _root).Replace("PAIRS", _pairs))];
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"));
        foreach ((string option, string value) in new[] { ("--output", _output), ("--pairs", _pairs), ("--model", model) })
            if (!all.Contains(option))
                all.AddRange(option, value);
        (int exitCode, _, string[] errors) = Tool.Run("train", [.. all]);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.GetDirectoryName(_output)));
    }

    [SkippableTheory]
    [InlineData("-INT")]
    [InlineData("-TERM")]
    public void A_signal_ends_it_with_130_and_nothing_is_written(string signal)
    {
        Skip.If(OperatingSystem.IsWindows(), "There is no kill.");
        Skip.If(signal == "-INT" && IgnoresInterrupts(), "This process was started with interrupts ignored, and hands that on.");
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15);
        ProcessStartInfo start = ChildProcess.Prepare(
            AppContext.BaseDirectory, Tool.Assembly, "train", "--model", model, "--pairs", _pairs, "--output", _output, "--steps", "10000000");
        using Process process = Process.Start(start)!;
        string? line;
        while ((line = process.StandardError.ReadLine())?.StartsWith("step ", StringComparison.Ordinal) == false)
            continue;
        Assert.NotNull(line);
        using (Process kill = Process.Start("kill", [signal, process.Id.ToString(CultureInfo.InvariantCulture)]))
            kill.WaitForExit();
        string[] rest = process.StandardError.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        Assert.Equal(130, process.ExitCode);
        Assert.Equal("Stopped; nothing is written.", rest[^1]);
        Assert.False(Directory.Exists(Path.GetDirectoryName(_output)));
    }

    private static bool IgnoresInterrupts()
    {
        const string Field = "SigIgn:";
        IEnumerable<string> status = OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/status") : [];
        string? line = status.FirstOrDefault(l => l.StartsWith(Field, StringComparison.Ordinal));
        return line is not null && (ulong.Parse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1 << 1)) != 0;
    }

    private (int ExitCode, string[] Output, string[] Errors) Run(string model, params string[] more)
        => Tool.Run("train", ["--model", model, "--pairs", _pairs, "--output", _output, .. more]);
}
