using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Tests;

/// <summary>The command generate with MIP-Adapter and MS-Diffusion: names, boxes, scales and folders of photos.</summary>
public sealed class SeveralObjectsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-objects-tool-").FullName;
    private readonly string _model, _cat, _dog;

    public SeveralObjectsTests()
    {
        _model = TinyPersonalizedModel.Write(Path.Combine(_root, "model"));
        (_cat, _dog) = (Path.Combine(_root, "cat.png"), Path.Combine(_root, "dog.png"));
        ImageFile.SavePng(_cat, Image(1));
        ImageFile.SavePng(_dog, Image(2));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Named_objects_are_merged_and_a_folder_is_photos_of_one_object()
    {
        using PersonalizedModel model = PersonalizedModel.Load(_model, new PersonalizedModelOptions { AdapterFamily = "mip-adapter" });
        ReferenceImage cat = new(Image(1)) { Name = "cat" }, dog = new(Image(2)) { Name = "dog" };
        byte[] drawn = Generate(out string[] errors, "--family", "mip-adapter", "--objects", "--name", "cat", "dog");
        Assert.DoesNotContain(errors, e => e.Contains("does not name", StringComparison.Ordinal));
        Assert.Equal(Expected(model, cat, dog), drawn);

        string photos = Directory.CreateDirectory(Path.Combine(_root, "dogs")).FullName;
        File.Copy(_dog, Path.Combine(photos, "0.png"));
        ImageFile.SavePng(Path.Combine(photos, "1.png"), Image(3));
        (int exitCode, string[] output, errors) = Tool.Run("generate", Arguments([_cat, photos], "--family", "mip-adapter", "--objects", "--name", "cat", "dog"));
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal(Expected(model, cat, dog with { OtherPhotos = [Image(3)] }), ImageFile.Load(Assert.Single(output)).Pixels);
    }

    [Fact]
    public void A_name_that_the_prompt_lacks_is_a_warning_and_one_that_is_missing_an_error()
    {
        Generate(out string[] errors, "--family", "mip-adapter", "--objects", "--name", "cat", "bird");
        Assert.Contains("warning: Request 0: the prompt does not name 'bird', whose reference it has.", errors);
        AssertRefused("reference 0 has no name", "--family", "mip-adapter", "--objects");
        AssertRefused("they name several objects (cat, dog)", "--family", "mip-adapter", "--name", "cat", "dog");
        AssertRefused("--name names 1 values for 2 references", "--family", "mip-adapter", "--objects", "--name", "cat");
    }

    [Fact]
    public void Boxes_scales_and_the_automatic_layout_are_taken_and_the_file_tells_the_family()
    {
        string adapter = TinyMsDiffusion.WriteAdapter(_model);
        using PersonalizedModel model = PersonalizedModel.Load(_model, adapter);
        ReferenceImage cat = new(Image(1)) { Name = "cat", Box = new LayoutBox(0, 0.25, 0.5, 1), Scale = 4 }, dog = new(Image(2)) { Name = "dog", Scale = 6 };
        string[] options = ["--adapter", adapter, "--objects", "--name", "cat", "dog", "--box", "0,0.25,0.5,1", "auto", "--object-scale", "4", "6"];
        Assert.Equal(Expected(model, cat, dog), Generate(out _, options));
        byte[] laid = Generate(out _, [.. options, "--layout-start", "1"]);
        Assert.Equal(Expected(model, new AutomaticLayout { StartStep = 1 }, cat, dog), laid);

        AssertRefused("'0,0.25,0.5' is no box", "--adapter", adapter, "--objects", "--name", "cat", "dog", "--box", "0,0.25,0.5", "auto");
        AssertRefused("does not lie in the picture", "--adapter", adapter, "--objects", "--name", "cat", "dog", "--box", "0,0,1.5,1", "auto");
        AssertRefused("the prompt lacks its name 'bird'", "--adapter", adapter, "--objects", "--name", "cat", "bird");
    }

    [Fact]
    public void An_unknown_family_is_refused()
        => AssertRefused("'lora' not recognized", "--family", "lora");

    private static ImageBuffer Image(int number) => TinyPersonalizedModel.Image(number);

    private static byte[] Expected(PersonalizedModel model, params ReferenceImage[] references) => Expected(model, null, references);

    private static byte[] Expected(PersonalizedModel model, AutomaticLayout? layout, params ReferenceImage[] references)
        => model.Generate([new("a cat, a dog", references) { NoiseIndex = 0 }], new GenerationOptions
        {
            Steps = 2,
            ReferenceFusion = model.ObjectFusion,
            AutomaticLayout = layout,
        })[0].Pixels;

    private void AssertRefused(string message, params string[] more)
    {
        (int exitCode, _, string[] errors) = Tool.Run("generate", Arguments([_cat, _dog], more));
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(errors), StringComparison.Ordinal);
    }

    private byte[] Generate(out string[] errors, params string[] more)
    {
        (int exitCode, string[] output, errors) = Tool.Run("generate", Arguments([_cat, _dog], more));
        Assert.True(exitCode == 0, string.Join('\n', errors));
        return ImageFile.Load(Assert.Single(output)).Pixels;
    }

    private string[] Arguments(string[] references, params string[] more)
        => [_model, "--prompt", "a cat, a dog", "--reference", .. references, "--output", Path.Combine(_root, "out"), "--steps", "2", .. more];
}
