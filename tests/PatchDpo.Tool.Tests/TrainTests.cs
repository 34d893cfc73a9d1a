using System.Diagnostics;
using System.Globalization;
using PatchDpo.Tests;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights.Safetensors;
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
        Assert.Matches(@"^step 3 of 3: loss [\d.]+, [\d.]+ pairs/s, 0:00 left$", errors[^1]);
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
    [InlineData("keys-and-values", true, false)]
    [InlineData("image-projection", false, true)]
    [InlineData("all", true, true)]
    public void The_trained_parts_are_chosen_by_name_and_the_file_has_them(string set, bool layers, bool projection)
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"));
        (int exitCode, _, string[] errors) = Run(model, "--steps", "2", "--learning-rate", "1e-2", "--train", set, "--store", Path.Combine(_root, "store"));
        Assert.True(exitCode == 0, string.Join('\n', errors));
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile before = SafetensorsFile.Open(Path.Combine(model, "ip_adapter.safetensors")), after = SafetensorsFile.Open(_output);
        foreach (string key in before.Keys)
        {
            bool trained = key.StartsWith("image_proj.", StringComparison.Ordinal) ? projection : layers;
            Assert.True(trained != before.Read(key).Equals(after.Read(key)), key);
        }
    }

    [Theory]
    [InlineData("--objective", "reconstruction")]
    [InlineData("--objective", "diffusion-dpo")]
    [InlineData("--weights", "min-max")]
    [InlineData("--contrast", "6")]
    [InlineData("--size", "16")]
    [InlineData("--scale", "0.5")]
    [InlineData("--min-snr-gamma", "5")]
    [InlineData("--noise-offset", "0.1")]
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
    [InlineData("needs a --store", "--prepare-only")]
    [InlineData("Interval is at least 1", "--state", "ROOT/state", "--checkpoint-every", "0")]
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

    [Fact]
    public void A_store_is_made_by_a_command_of_its_own_and_gives_the_same_adapter()
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15), store = Path.Combine(_root, "store");
        string[] few = ["--steps", "3", "--batch-size", "2", "--learning-rate", "1e-2", "--log", Path.Combine(_root, "log")];
        (int exitCode, string[] output, string[] errors) = Tool.Run("train", "--model", model, "--pairs", _pairs, "--store", store, "--prepare-only");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.StartsWith($"4 pairs are in the store '{store}', ", Assert.Single(output), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.GetDirectoryName(_output)));
        string[] files = Directory.GetFiles(store, "*", SearchOption.AllDirectories);

        Assert.Equal(0, Run(model, [.. few, "--store", store]).ExitCode);
        byte[] stored = File.ReadAllBytes(_output);
        Assert.Equal(3, File.ReadLines(Path.Combine(_root, "log", "training.jsonl")).Count());
        Assert.Equal(files, Directory.GetFiles(store, "*", SearchOption.AllDirectories));
        Assert.Equal(0, Run(model, few).ExitCode);
        Assert.Equal(File.ReadAllBytes(_output), stored);
        Assert.Equal(0, Run(model, [.. few, "--store", store, "--store-dtype", "bfloat16"]).ExitCode);
        Assert.NotEqual(stored, File.ReadAllBytes(_output));
    }

    [Fact]
    public void A_probe_is_drawn_measured_and_leaves_the_adapter_as_it_is()
    {
        string log = Path.Combine(_root, "log"), state = Path.Combine(_root, "state"), photos = Path.Combine(_root, "photos");
        Directory.CreateDirectory(photos);
        string[] few = ["--steps", "2", "--batch-size", "2", "--learning-rate", "1e-2"];
        Assert.Equal(0, Run("embedded", few).ExitCode);
        byte[] without = File.ReadAllBytes(_output);
        foreach ((string subject, int seed) in new[] { ("red cube", 1), ("cat", 2), ("cat", 3) })
            ImageFile.SavePng(Path.Combine(Directory.CreateDirectory(Path.Combine(photos, subject)).FullName, $"{seed}.png"), TinyPersonalizedModel.Image(seed));
        string prompts = Path.Combine(_root, "prompts.txt");
        File.WriteAllText(prompts, "a {} on a beach\n\na {} on grass\n");
        string[] probe = ["--probe-prompts", prompts, "--probe-references", photos, "--probe-every", "1", "--probe-steps", "2", "--probe-metric", "clip-t"];
        (int exitCode, _, string[] errors) = Run("embedded", [.. few, .. probe, "--log", log, "--state", state]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal(without, File.ReadAllBytes(_output));
        string[] told = [.. errors.Where(l => l.StartsWith("probe of step", StringComparison.Ordinal))];
        Assert.Equal(3, told.Length);
        Assert.All(told, l => Assert.Matches(
            @"^probe of step \d: patch quality [-\d.]+, DINO [-\d.]+, CLIP-I [-\d.]+, CLIP-T [-\d.]+; the best is [-\d.]+ of step \d$", l));
        Assert.Equal(["probe-00000000.png", "probe-00000001.png", "probe-00000002.png"],
            Directory.GetFiles(log, "*.png").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Single(Directory.GetDirectories(state, "best-*"));

        // Photos' models are measured with ImageNet's ResNet-18, whose patch quality decides.
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15);
        (exitCode, _, errors) = Run(model, [.. few, .. probe[..^2]]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Contains(errors, l => l.StartsWith("probe of step 2: patch quality ", StringComparison.Ordinal)
            && l.Contains("subject similarity", StringComparison.Ordinal));

        // The folder of the state knows the best step.
        (exitCode, string[] output, errors) = Run("embedded", [.. few, .. probe, "--state", state, "--probe-best"]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        string best = Path.GetFileName(Assert.Single(Directory.GetDirectories(state, "best-*")));
        Assert.Contains($"the best step is {int.Parse(best["best-".Length..], CultureInfo.InvariantCulture)}; ", output[^1], StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(Path.Combine(state, best, "adapter.safetensors")), File.ReadAllBytes(_output));

        (exitCode, _, errors) = Run("embedded", [.. few, .. probe[2..4]]);
        Assert.Equal(2, exitCode);
        Assert.Contains("--probe-prompts", Assert.Single(errors), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("-INT")]
    [InlineData("-TERM")]
    public void A_signal_ends_it_with_130_and_nothing_is_written(string signal)
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15);
        Assert.Equal("Stopped; nothing is written.", StopInTheMiddle(signal, "--model", model, "--steps", "10000000"));
        Assert.False(Directory.Exists(Path.GetDirectoryName(_output)));
    }

    [SkippableFact]
    public void With_a_state_a_stopped_training_goes_on_to_the_adapter_of_one_that_was_not_stopped()
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15), state = Path.Combine(_root, "state");
        string[] options = ["--batch-size", "2", "--learning-rate", "1e-2", "--steps", "10000000"];
        Assert.Equal("Stopped. Run the same command to continue.", StopInTheMiddle("-TERM", ["--model", model, "--state", state, .. options]));
        int done = int.Parse(Path.GetFileName(Assert.Single(Directory.GetDirectories(state)))["step-".Length..], CultureInfo.InvariantCulture);
        Assert.InRange(done, 1, 9_999_999);

        // The length may change: both end a few steps further on.
        options[^1] = string.Create(CultureInfo.InvariantCulture, $"{done + 3}");
        (int exitCode, string[] output, string[] errors) = Run(model, ["--state", state, .. options]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Contains(output, l => l.Contains($"goes on from step {done}", StringComparison.Ordinal));
        byte[] resumed = File.ReadAllBytes(_output);
        Assert.Equal(0, Run(model, options).ExitCode);
        Assert.Equal(File.ReadAllBytes(_output), resumed);

        (exitCode, _, errors) = Run(model, ["--state", state, .. options, "--seed", "3"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("(Seed: 42, now 3)", Assert.Single(errors), StringComparison.Ordinal);
    }

    // The last line that it says.
    private string StopInTheMiddle(string signal, params string[] arguments)
    {
        Skip.If(OperatingSystem.IsWindows(), "There is no kill.");
        Skip.If(signal == "-INT" && IgnoresInterrupts(), "This process was started with interrupts ignored, and hands that on.");
        ProcessStartInfo start = ChildProcess.Prepare(AppContext.BaseDirectory, Tool.Assembly, ["train", "--pairs", _pairs, "--output", _output, .. arguments]);
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
        return rest[^1];
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
