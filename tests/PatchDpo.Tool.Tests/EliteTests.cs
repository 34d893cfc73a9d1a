using PatchDpo.Tests;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.Tool.Tests;

/// <summary>The commands generate and train with ELITE: masks, and what is told of them.</summary>
public sealed class EliteTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-elite-tool-").FullName;
    private readonly string _model, _picture, _mask;

    public EliteTests()
    {
        _model = TinyElite.Write(Path.Combine(_root, "model"));
        (_picture, _mask) = (Path.Combine(_root, "cat.png"), Path.Combine(_root, "other.png"));
        ImageFile.SavePng(_picture, TinyElite.Object(1).Picture);
        ImageFile.SavePng(_mask, HalfMask());
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_mask_is_named_or_lies_beside_the_picture_or_is_what_stands_on_a_plain_background_and_is_told()
    {
        byte[] plain = Generate(out string[] errors);
        Assert.Contains("warning: Request 0: the reference has no mask; the object is what stands on its plain background.", errors);
        byte[] named = Generate(out errors, "--mask", _mask);
        Assert.DoesNotContain(errors, e => e.Contains("mask", StringComparison.Ordinal));
        Assert.NotEqual(plain, named);
        File.Copy(_mask, Path.Combine(_root, "cat_bg.png"));
        Assert.Equal(named, Generate(out errors));
        Assert.Contains("cat.png: the mask beside it is taken, cat_bg.png", errors);

        using PersonalizedModel model = PersonalizedModel.Load(_model);
        ReferenceImage reference = new(TinyElite.Object(1).Picture) { Mask = HalfMask() };
        Assert.Equal(model.Generate([new("a S", [reference]) { NoiseIndex = 0 }], new GenerationOptions { Steps = 2 })[0].Pixels, named);
    }

    [Fact]
    public void Masks_are_as_many_as_references_and_a_prompt_names_the_placeholder()
    {
        (int exitCode, _, string[] errors) = Tool.Run("generate", Arguments("a S", "--mask", _mask, _mask));
        Assert.Equal(2, exitCode);
        Assert.Contains("--mask names 2 files for 1 references", Assert.Single(errors), StringComparison.Ordinal);
        (exitCode, _, errors) = Tool.Run("generate", Arguments("a cat"));
        Assert.Equal(2, exitCode);
        Assert.Contains("no word 'S'", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Training_takes_masks_beside_references_and_writes_the_published_pair_or_one_file()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, "pairs", "sample0")).FullName;
        ImageFile.SavePng(Path.Combine(folder, "a S_entity_0.png"), TinyElite.Object(1).Picture);
        ImageFile.SavePng(Path.Combine(folder, "a S_gen_0.png"), TinyPersonalizedModel.Image(3));
        var map = new QualityMap(2, 2, [0.1f, 0.9f, 0.5f, 0.7f]);
        QualityMapPickle.Write(Path.Combine(_root, "pairs", "patch_quality.pkl"), [[new(map, map)]]);
        string plain = Train("plain.safetensors", out string[] errors);
        Assert.Contains(errors, e => e.StartsWith("warning: Pair 0: the reference has no mask", StringComparison.Ordinal));
        File.Copy(_mask, Path.Combine(folder, "a S_entity_0_bg.png"));
        string masked = Train("global_mapper.pt", out errors);
        Assert.DoesNotContain(errors, e => e.Contains("warning", StringComparison.Ordinal));
        Assert.True(File.Exists(Path.Combine(_root, "local_mapper.pt")));

        using PersonalizedModel before = PersonalizedModel.Load(_model), first = PersonalizedModel.Load(_model, plain),
            second = PersonalizedModel.Load(_model, masked);
        using EliteLayers expected = (EliteLayers)new PatchDpoTrainer(before, new() { MaxSteps = 2, LearningRate = 1e-2, BatchSize = 1 }).Train(
            [new("a S", TinyElite.Object(1).Picture, TinyPersonalizedModel.Image(3), map, map)
            {
                ImagePrompts = [new ReferenceImage(TinyElite.Object(1).Picture) { Mask = HalfMask() }],
            }]);
        Assert.Equal(Bytes(expected), Bytes((EliteLayers)second.AdapterLayers));
        Assert.NotEqual(Bytes(expected), Bytes((EliteLayers)first.AdapterLayers));

        string Train(string name, out string[] told)
        {
            string output = Path.Combine(_root, name);
            (int exitCode, _, told) = Tool.Run("train", "--model", _model, "--pairs", Path.Combine(_root, "pairs"), "--output", output, "--steps", "2",
                "--learning-rate", "1e-2");
            Assert.True(exitCode == 0, string.Join('\n', told));
            return output;
        }

        static byte[] Bytes(EliteLayers layers) => [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal)
            .SelectMany(t => t.Value.bytes.ToArray())];
    }

    private byte[] Generate(out string[] errors, params string[] more)
    {
        (int exitCode, string[] output, errors) = Tool.Run("generate", Arguments("a S", more));
        Assert.True(exitCode == 0, string.Join('\n', errors));
        return ImageFile.Load(Assert.Single(output)).Pixels;
    }

    private string[] Arguments(string prompt, params string[] more)
        => [_model, "--prompt", prompt, "--reference", _picture, "--output", Path.Combine(_root, "out"), "--steps", "2", .. more];

    private static ImageBuffer HalfMask()
    {
        ImageBuffer mask = TinyElite.Object(1).Mask;
        byte[] half = [.. mask.Pixels];
        Array.Clear(half, 0, half.Length / 2);
        return new ImageBuffer(mask.Width, mask.Height, 3, half);
    }
}
