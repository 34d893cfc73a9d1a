using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Tests;

/// <summary>The command generate, run as its users run it.</summary>
public sealed class GenerateTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-generate-").FullName;
    private readonly string _output;

    public GenerateTests() => _output = Path.Combine(_root, "out");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void It_draws_every_prompt_as_often_as_asked_and_overwrites_nothing()
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), sampler: "PNDMScheduler", family: TinyFamily.Sd15);
        string prompts = Path.Combine(_root, "prompts.txt");
        File.WriteAllText(prompts, "a cat\n\n  a dog / in: the \"snow\"\n");
        string[] arguments = [model, "--prompts", prompts, "--reference", Photo("1.png"), Photo("2.png"), "--output", _output, "--steps", "2", "--count", "2",
            "--width", "24", "--height", "16", "--dtype", "bfloat16"];

        (int exitCode, string[] output, string[] errors) = Tool.Run("generate", arguments);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        string[] names = ["a cat.png", "a cat_2.png", "a dog _ in_ the _snow_.png", "a dog _ in_ the _snow__2.png"];
        Assert.Equal(names.Select(n => Path.Combine(_output, n)), output);
        Assert.Contains("images 1 to 4 of 4: step 3 of 3", errors);
        ImageBuffer[] images = [.. output.Select(f => ImageFile.Load(f))];
        Assert.All(images, i => Assert.Equal((24, 16), (i.Width, i.Height)));
        Assert.Equal(4, images.Select(i => Convert.ToHexString(i.Pixels)).Distinct().Count());

        byte[] first = File.ReadAllBytes(output[0]);
        (exitCode, string[] again, _) = Tool.Run("generate", [model, "--prompt", "a cat", .. arguments[3..]]);
        Assert.Equal(0, exitCode);
        Assert.Equal([Path.Combine(_output, "a cat_3.png"), Path.Combine(_output, "a cat_4.png")], again);
        Assert.Equal(first, File.ReadAllBytes(output[0]));
        // The same seed, prompt and references give the same image.
        Assert.Equal(ImageFile.Load(output[0]).Pixels, ImageFile.Load(again[0]).Pixels);
    }

    [Fact]
    public void With_objects_each_reference_shows_another_object()
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15);
        string[] photos = [Photo("1.png"), Photo("7.png")];
        string[] arguments = [model, "--prompt", "a cat and a robot", "--reference", .. photos, "--output", _output, "--steps", "2", "--scale", "20"];
        ImageBuffer together = Draw([.. arguments, "--objects"]), averaged = Draw(arguments);
        using PersonalizedModel loaded = PersonalizedModel.Load(model);
        Assert.Equal(Direct(ReferenceFusion.Concatenate).Pixels, together.Pixels);
        Assert.Equal(Direct(ReferenceFusion.Average).Pixels, averaged.Pixels);
        Assert.NotEqual(together.Pixels, averaged.Pixels);

        static ImageBuffer Draw(string[] arguments)
        {
            (int exitCode, string[] output, string[] errors) = Tool.Run("generate", arguments);
            Assert.True(exitCode == 0, string.Join('\n', errors));
            return ImageFile.Load(Assert.Single(output));
        }

        ImageBuffer Direct(ReferenceFusion fusion)
            => loaded.Generate([new("a cat and a robot", [.. photos.Select(p => ImageFile.Load(p))])],
                new GenerationOptions { Steps = 2, AdapterScale = 20, ReferenceFusion = fusion })[0];
    }

    [Fact]
    public void Prompts_that_are_cut_are_warned_of_before_the_first_picture_or_refused()
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15);
        string prompts = Path.Combine(_root, "prompts.txt");
        File.WriteAllLines(prompts, ["a cat", .. Enumerable.Range(1, 5).Select(i => $"a cat in deep snow {i}")]);
        string[] arguments = [model, "--prompts", prompts, "--reference", Photo("1.png"), "--output", _output, "--steps", "1", "--guidance", "1"];
        (int exitCode, string[] output, string[] errors) = Tool.Run("generate", arguments);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal(6, output.Length);
        string[] warnings = [.. errors.Where(e => e.StartsWith("warning: ", StringComparison.Ordinal))];
        Assert.Equal(["Prompt 1 is cut: it has 15 tokens", "Prompt 2 is cut: it has 15 tokens", "Prompt 3 is cut: it has 15 tokens",
            "5 prompts are cut in all."],
            warnings.Select(w => w["warning: ".Length..].Split(" and the text")[0]));
        Assert.StartsWith("warning: ", errors[0], StringComparison.Ordinal);
        Directory.Delete(_output, recursive: true);
        CheckFault("Prompt 1 is too long: it has 15 tokens and the text encoder takes 14", [.. arguments, "--refuse-long-prompts"]);
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_told_before_the_model_is_loaded()
    {
        string model = Path.Combine(_root, "model that is none"), file = Path.Combine(_root, "a file");
        File.WriteAllText(file, "");
        CheckFault($"The output '{file}' is a file", model, "--prompt", "a", "--reference", Photo("1.png"), "--output", file);
        if (OperatingSystem.IsLinux())
            CheckFault("The output folder '/proc/pictures' cannot be written", model, "--prompt", "a", "--reference", Photo("1.png"), "--output",
                "/proc/pictures");
    }

    [Theory]
    [InlineData("--prompt or --prompts", "--prompt", "a", "--prompts", "PHOTO")]
    [InlineData("has no prompt", "--prompts", "EMPTY")]
    [InlineData("--prompt is empty", "--prompt", " ")]
    [InlineData("There is no file '", "--prompt", "a", "--reference", "none.png")]
    [InlineData("EMPTY", "--prompt", "a", "--reference", "EMPTY")]
    [InlineData("A width of 30 pixels", "--prompt", "a", "--width", "30")]
    [InlineData("--count must be at least 1", "--prompt", "a", "--count", "0")]
    [InlineData("Steps is at least 1", "--prompt", "a", "--steps", "0")]
    [InlineData("no device", "--prompt", "a", "--device", "tpu")]
    [InlineData("'float64' not recognized", "--prompt", "a", "--dtype", "float64")]
    [InlineData("There is no adapter file", "--prompt", "a", "--adapter", "none.bin")]
    [InlineData("Option '--output' is required", "--prompt", "a", "--no-output")]
    public void Bad_input_gives_one_line_and_exit_code_2(string message, params string[] arguments)
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15);
        string empty = Path.Combine(_root, "EMPTY");
        File.WriteAllText(empty, "");
        List<string> all = [model, .. arguments.Select(a => a switch { "PHOTO" => Photo("1.png"), "EMPTY" => empty, _ => a })];
        if (!all.Contains("--reference"))
            all.AddRange("--reference", Photo("1.png"));
        if (!all.Remove("--no-output"))
            all.AddRange("--output", _output);
        CheckFault(message, [.. all]);
    }

    [Fact]
    public void A_folder_that_is_no_model_is_named()
        => CheckFault($"'{_root}' has none of these files: model_index.json", _root, "--prompt", "a", "--reference", Photo("1.png"), "--output", _output);

    [Fact]
    public void Image_encoder_tokenizer_and_adapter_may_lie_elsewhere_and_the_sampler_is_a_choice()
    {
        string model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"), family: TinyFamily.Sd15, sampler: "ScoreSdeVpScheduler");
        foreach (string part in new[] { "image_encoder", "tokenizer", "ip_adapter.safetensors" })
            Directory.Move(Path.Combine(model, part), Path.Combine(_root, part));
        string[] arguments =
        [
            model, "--prompt", "a cat", "--reference", Photo("1.png"), "--output", _output, "--steps", "2", "--adapter", Path.Combine(
                _root, "ip_adapter.safetensors"),
            "--image-encoder", Path.Combine(_root, "image_encoder"), "--tokenizer", Path.Combine(_root, "tokenizer"),
        ];
        CheckFault("ScoreSdeVpScheduler", arguments);
        CheckFault("is a model in a single file, which holds no tokenizer's vocabulary: name it (--tokenizer FOLDER", [SingleFile(), .. arguments[1..^2]]);
        (int exitCode, string[] output, string[] errors) = Tool.Run("generate", [.. arguments, "--scheduler", "euler"]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Single(output);
    }

    // The keys that tell what it is.
    private string SingleFile()
    {
        string path = Path.Combine(_root, "one.safetensors");
        using DisposeScope scope = NewDisposeScope();
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor>
        {
            ["model.diffusion_model.input_blocks.0.0.weight"] = ones(8, 4, 3, 3),
            ["first_stage_model.quant_conv.bias"] = ones(8),
            ["cond_stage_model.transformer.text_model.final_layer_norm.bias"] = ones(8),
        });
        return path;
    }

    private void CheckFault(string message, params string[] arguments)
    {
        (int exitCode, string[] output, string[] errors) = Tool.Run("generate", arguments);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(errors), StringComparison.Ordinal);
        Assert.Empty(output);
        Assert.False(Directory.Exists(_output));
    }

    private string Photo(string name)
    {
        string path = Path.Combine(_root, name);
        ImageFile.SavePng(path, TinyPersonalizedModel.Image(name[0]));
        return path;
    }
}
