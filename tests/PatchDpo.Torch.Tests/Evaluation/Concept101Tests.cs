using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Tests.PatchEncoders;

namespace PatchDpo.Torch.Tests.Evaluation;

/// <summary>Reading a data set in Concept101's layout, finding its generations, and evaluating them.</summary>
public sealed class Concept101Tests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-concept101-").FullName;
    private readonly string _data, _generations;

    public Concept101Tests()
    {
        _data = Concept101Data.Write(Path.Combine(_root, "data"), (path, o, i) => ImageFile.SavePng(path, TinyPersonalizedModel.Image((10 * o) + i)));
        _generations = Directory.CreateDirectory(Path.Combine(_root, "generations")).FullName;
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Combinations_have_their_objects_and_prompts_with_the_blanks_that_files_have()
    {
        IReadOnlyList<Concept101Combination> combinations = Concept101.Read(_data);
        Assert.Equal([0, 1], combinations.Select(c => c.Index));
        Assert.Equal([new Concept101Object("dog", "toy_dog"), new Concept101Object("sun hat", "hat1")], combinations[0].Objects);
        Assert.Equal(["a photo of lamp with dog.", "dog behind a lamp "], combinations[1].Prompts);
        Assert.Equal(3, Concept101.Photos(_data, combinations[0].Objects[0]).Count);
    }

    [Fact]
    public void What_is_missing_and_what_is_of_no_prompt_is_told()
    {
        Generate(0, 0, 1);
        Generate(1, 1, 2);
        File.Copy(Path.Combine(_generations, Concept101Data.Generation(0, 0)), Path.Combine(_generations, "comb_0", "other_gen.png"));
        File.WriteAllText(Path.Combine(_generations, "notes.txt"), "generated yesterday");
        Concept101Files files = Concept101Files.Find(_generations, Concept101.Read(_data));
        Assert.Equal([(0, "a photo of dog with sun hat."), (1, "dog behind a lamp ")], files.Found.Select(f => (f.Combination.Index, f.Prompt)));
        Assert.Equal([Concept101Data.Generation(0, 1), Concept101Data.Generation(1, 0)], files.Missing);
        Assert.Equal([Path.Combine("comb_0", "other_gen.png")], files.Stray);
        Assert.False(files.IsExact);
        Assert.Equal("dog behind a lamp _gen.", files.Found[1].Caption(Concept101CaptionRule.Official));
        Assert.Equal("dog behind a lamp ", files.Found[1].Caption(Concept101CaptionRule.Prompt));
    }

    [Fact]
    public void An_object_counts_as_much_as_another_however_many_photos_it_has()
    {
        // The picture is the first object's first photo; DINO is the mean colour here.
        Generate(0, 0, 0);
        Generate(0, 1, 0);
        PixelEncoder dino = new(16, 8);
        IReadOnlyList<Concept101File> files = Concept101Files.Find(_generations, Concept101.Read(_data)).Found;
        List<int> done = [];
        Concept101Metrics metrics = new Concept101Evaluator(dino, null, options: new()
        {
            BatchSize = 1,
            Progress = new PatchDpo.Torch.Foundation.DirectProgress<int>(done.Add),
        }).Evaluate(_data, files);
        Concept101CombinationMetrics combination = Assert.Single(metrics.Combinations);
        Assert.Equal([3, 1], combination.Objects.Select(o => o.Photos));
        Assert.Equal((combination.Objects[0].Dino + combination.Objects[1].Dino) / 2, combination.Dino);
        Assert.NotEqual(combination.Objects[0].Dino, combination.Objects[1].Dino);
        Assert.Equal(combination.Dino!.Value, metrics.Dino!.Mean, 1e-12);
        Assert.Null(metrics.ClipT);
        Assert.Null(combination.ClipI);
        Assert.Equal([1, 2], done);
        Assert.DoesNotContain("CLIP-T", metrics.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "no list of combinations")]
    [InlineData("[[", "not valid JSON")]
    [InlineData("[[{\"class_prompt\": \"dog\"}, {\"prompt_filename_compose\": \"prompts/things.txt\"}]]", "'instance_data_dir' is missing")]
    [InlineData("[[{\"class_prompt\": \"dog\", \"instance_data_dir\": \"toy_dog\"}, {\"prompt_filename_compose\": \"../x.txt\"}]]", "out of the data set")]
    [InlineData("[[{\"class_prompt\": \"dog\", \"instance_data_dir\": \"a/..\"}, {\"prompt_filename_compose\": \"prompts/things.txt\"}]]", "out of the data set")]
    [InlineData("[[{\"class_prompt\": \"dog\", \"instance_data_dir\": \"toy_dog\"}, {\"prompt_filename_compose\": \"x.txt\"}]]", "there is no prompt file")]
    [InlineData("[[{\"prompt_filename_compose\": \"prompts/things.txt\"}]]", "a list of objects")]
    public void A_bad_list_is_named(string json, string message)
    {
        File.WriteAllText(Path.Combine(_data, Concept101.ListName), json);
        BenchmarkDataException e = Assert.Throws<BenchmarkDataException>(() => Concept101.Read(_data));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(Path.Combine(_data, Concept101.ListName), e.Path);
    }

    [Fact]
    public void A_data_set_without_list_or_photos_is_named()
    {
        Assert.Contains("there is no such file", Assert.Throws<BenchmarkDataException>(() => Concept101.Read(_root)).Message, StringComparison.Ordinal);
        Assert.Contains("no photo of 'gone'", Assert.Throws<BenchmarkDataException>(() => Concept101.Photos(_data, new("thing", "gone"))).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, 10)]
    [InlineData(5, 5, 5, 9)]
    [InlineData(0, 0, double.NaN, 9)]
    public void A_box_without_area_or_numbers_is_refused(params double[] box)
        => Assert.Throws<ArgumentException>("box", () => Concept101.CutOut(TinyPersonalizedModel.Image(1), box));

    private void Generate(int combination, int prompt, int image)
    {
        string path = Path.Combine(_generations, Concept101Data.Generation(combination, prompt));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        ImageFile.SavePng(path, TinyPersonalizedModel.Image(image));
    }
}
