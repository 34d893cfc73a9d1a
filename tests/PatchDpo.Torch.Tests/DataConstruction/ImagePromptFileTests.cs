using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;

namespace PatchDpo.Torch.Tests.DataConstruction;

/// <summary><c>references.jsonl</c> in a folder of pairs.</summary>
public sealed class ImagePromptFileTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();
    private readonly string _folder, _file;

    public ImagePromptFileTests()
    {
        _folder = _temporary.File("pairs");
        _file = Path.Combine(_folder, "references.jsonl");
        for (int k = 0; k < 2; k++)
        {
            string sample = Directory.CreateDirectory(Path.Combine(_folder, $"sample{k}")).FullName;
            foreach (string suffix in new[] { "entity_0", "gen_0", "gen_1" })
                ImageFile.SavePng(Path.Combine(sample, $"a cat and a dog_{suffix}.png"), Image(k));
        }
        Directory.CreateDirectory(Path.Combine(_folder, "objects"));
        foreach ((string name, int number) in new[] { ("cat", 10), ("cat2", 11), ("dog", 20), ("dog_bg", 21), ("mask", 22) })
            ImageFile.SavePng(Path.Combine(_folder, "objects", name + ".png"), Image(number));
        var map = new QualityMap(1, 2, [0.25f, 0.75f]);
        IReadOnlyList<QualityMapPair> maps = [new(map, map), new(map, map)];
        QualityMapPickle.Write(Path.Combine(_folder, "patch_quality.pkl"), [maps, maps]);
    }

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void Lines_give_each_sample_its_image_prompts_in_their_order()
    {
        Write(
            """{"sample": 1, "image": "objects/dog.png", "name": "dog"}""",
            """{"sample": 0, "image": "objects/cat.png", "photos": ["objects/cat2.png"], "name": "cat", "box": [0, 0.25, 0.5, 1], "scale": 0.5}""",
            "",
            """{"sample": 0, "image": "objects\\dog.png", "mask": "objects/mask.png"}""",
            """{"sample": 1, "name": "both"}""");
        TrainingPair[] pairs = [.. PairFolder.Open(_folder).Read()];
        Assert.Equal(4, pairs.Length);
        Assert.Same(pairs[0].ImagePrompts, pairs[1].ImagePrompts);
        Assert.Equal(Image(0).Pixels, pairs[0].Reference.Pixels);
        ReferenceImage[] first = [.. pairs[0].ImagePrompts!], second = [.. pairs[3].ImagePrompts!];
        Assert.Equal([Image(10).Pixels, Image(20).Pixels], first.Select(r => r.Image.Pixels));
        Assert.Equal(Image(11).Pixels, Assert.Single(first[0].OtherPhotos).Pixels);
        Assert.Equal(("cat", new LayoutBox(0, 0.25, 0.5, 1), 0.5, null), (first[0].Name, first[0].Box, first[0].Scale, first[0].Mask));
        Assert.Equal((null, null, null), (first[1].Name, first[1].Box, first[1].Scale));
        // The named mask goes before the one beside the picture.
        Assert.Equal(Image(22).Pixels, first[1].Mask!.Pixels);
        Assert.Equal(["dog", "both"], second.Select(r => r.Name));
        Assert.Equal(Image(21).Pixels, second[0].Mask!.Pixels);
        // A line without a picture is of the sample's own reference.
        Assert.Equal(Image(1).Pixels, second[1].Image.Pixels);
    }

    [Fact]
    public void Without_the_file_the_reference_is_the_image_prompt()
    {
        PairFolder folder = PairFolder.Open(_folder);
        Assert.All(folder.Pairs, p => Assert.Null(p.ImagePrompts));
        Assert.All(folder.Read(), p => Assert.Null(p.ImagePrompts));
    }

    [Fact]
    public void A_folder_with_a_manifest_has_them_too_and_is_still_verified()
    {
        string folder = _temporary.File("built");
        new PairBuilder(new Painter().Generate, () => [], latentGrid: 4, new PixelEncoder(32, 8), new() { References = 2, GenerationsPerReference = 1 }, null)
            .Build(["a cat", "a dog"], folder);
        File.WriteAllText(Path.Combine(folder, "references.jsonl"), """
            {"sample": 0, "name": "cat"}
            {"sample": 1, "image": "pairs/sample0/a cat_entity_0.png", "name": "dog"}
            """, Encoding.Unicode);
        TrainingPair[] pairs = [.. PairFolder.Open(folder, verifyHashes: true).Read()];
        Assert.Equal(["cat", "dog"], pairs.Select(p => Assert.Single(p.ImagePrompts!).Name));
        Assert.Equal(pairs[0].Reference.Pixels, pairs[1].ImagePrompts![0].Image.Pixels);
        Assert.NotEqual(pairs[0].Reference.Pixels, pairs[1].Reference.Pixels);
    }

    [Theory]
    [InlineData("line 2", "no sample 7", """{"sample": 7}""")]
    [InlineData("line 2", "required", """{"name": "cat"}""")]
    [InlineData("line 2", "'nmae'", """{"sample": 1, "nmae": "cat"}""")]
    [InlineData("line 2", "not what this layout has", """{"sample": 1, "box": "left"}""")]
    [InlineData("line 2", "not what this layout has", """sample 1, cat""")]
    [InlineData("line 2", "the JSON is null", "null")]
    [InlineData("line 2", "the file 'objects/cow.png' is missing", """{"sample": 1, "image": "objects/cow.png"}""")]
    [InlineData("line 2", "the file 'objects' is missing", """{"sample": 1, "image": "objects"}""")]
    [InlineData("line 2", "the file 'none.png' is missing", """{"sample": 1, "mask": "none.png"}""")]
    [InlineData("line 2", "'../cat.png' is not a path below the folder", """{"sample": 1, "image": "../cat.png"}""")]
    [InlineData("line 2", "'/etc/passwd' is not a path below the folder", """{"sample": 1, "photos": ["/etc/passwd"]}""")]
    [InlineData("line 2", "null stands among the photos", """{"sample": 1, "photos": [null]}""")]
    [InlineData("line 2", "'' is not a path below the folder", """{"sample": 1, "mask": ""}""")]
    [InlineData("line 2", "the name is empty", """{"sample": 1, "name": " "}""")]
    [InlineData("line 2", "the box has 3 values", """{"sample": 1, "box": [0, 0, 1]}""")]
    [InlineData("line 2", "the box [0, 0, 1.5, 1] does not lie in the picture", """{"sample": 1, "box": [0, 0, 1.5, 1]}""")]
    [InlineData("line 2", "the box [0.5, 0, 0.5, 1] does not lie in the picture", """{"sample": 1, "box": [0.5, 0, 0.5, 1]}""")]
    [InlineData("line 2", "the scale is -1; it lies in [0, 65504]", """{"sample": 1, "scale": -1}""")]
    [InlineData("sample 1", "no line gives the sample an image prompt", "")]
    public void A_bad_line_is_named(string place, string problem, string line)
    {
        Write("""{"sample": 0}""", line);
        PairFolderException e = Assert.Throws<PairFolderException>(() => PairFolder.Open(_folder));
        Assert.Equal((_file, place), (e.Path, e.Place));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_text_file_is_refused()
    {
        File.WriteAllBytes(_file, [0xC3, 0x28]);
        Assert.Contains("not valid utf-8", Refused().Message, StringComparison.Ordinal);
        File.Delete(_file);
        Directory.CreateDirectory(_file);
        Assert.Contains("not a text file", Refused().Message, StringComparison.Ordinal);

        PairFolderException Refused()
        {
            PairFolderException e = Assert.Throws<PairFolderException>(() => PairFolder.Open(_folder));
            Assert.Equal(_file, e.Path);
            return e;
        }
    }

    private static ImageBuffer Image(int number) => Painter.Disc((8 * number, 90, 90), 16, 16, 8);

    private void Write(params string[] lines) => File.WriteAllText(_file, string.Join("\r\n", lines));
}
