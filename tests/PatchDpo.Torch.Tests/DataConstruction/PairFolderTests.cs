using System.Text;
using System.Text.Json.Nodes;
using PatchDpo.Tests;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.DataConstruction;

public sealed class PairFolderTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void An_official_folder_is_read_without_a_manifest()
    {
        string folder = Official(new QualityMapPair[] { Maps(0.1f, 0.2f), Maps(0.3f, 0.4f) }, [Maps(-0.5f, 1)]);
        File.WriteAllText(Path.Combine(folder, "notes.txt"), "anything");
        PairFolder pairs = PairFolder.Open(folder);
        Assert.Equal([(0, 0, "a_cat 0"), (0, 1, "a_cat 0"), (1, 0, "a_cat 1")], pairs.Pairs.Select(p => (p.Sample, p.Index, p.Prompt)));
        TrainingPair[] read = [.. pairs.Read()];
        Assert.Same(read[0].Reference, read[1].Reference);
        Assert.Equal(Image(0).Pixels, read[0].Reference.Pixels);
        Assert.Equal(Image(1001).Pixels, read[1].Generated.Pixels);
        Assert.Equal((0.3f, 0.4f), (read[1].ReferenceQuality[1, 2], read[1].GeneratedQuality[0, 0]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(100)]
    public void Files_that_are_decoded_ahead_come_in_order_and_a_bad_one_is_told_at_its_pair(int ahead)
    {
        QualityMapPair[][] maps = [.. Enumerable.Range(0, 5).Select(_ => new[] { Maps(0, 0), Maps(0, 0) })];
        string folder = Official(maps);
        PairFolder pairs = PairFolder.Open(folder);
        Assert.Equal(pairs.Read(null, 0).Select(p => p.Generated), pairs.Read(null, ahead).Select(p => p.Generated), ImageContentComparer.Instance);
        File.WriteAllText(pairs.Pairs[5].GeneratedPath, "no image");
        File.WriteAllText(pairs.Pairs[8].ReferencePath, "no image either");
        using IEnumerator<TrainingPair> reader = pairs.Read(null, ahead).GetEnumerator();
        for (int i = 0; i < 5; i++)
            Assert.True(reader.MoveNext());
        Assert.Contains(Path.GetFileName(pairs.Pairs[5].GeneratedPath), Assert.Throws<InvalidImageException>(() => reader.MoveNext()).Message,
            StringComparison.Ordinal);
        // Whoever leaves earlier has no more files open.
        Assert.Equal(2, pairs.Read(null, ahead).Take(2).Count());
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void An_official_folder_whose_files_do_not_fit_its_maps_is_refused()
    {
        QualityMapPair[][] maps = [[Maps(0, 0), Maps(0, 0)], [Maps(0, 0)]];
        Refuses(maps, f => Directory.Delete(f("sample1"), recursive: true), "sample1", "the folder is missing");
        Refuses(maps, f => Directory.Move(f("sample1"), f("sample2")), "sample1", "the folder is missing");
        Refuses(maps, f => Directory.CreateDirectory(f("sample2")), "patch_quality.pkl", "maps of 2 samples, but there are 3 folders");
        Refuses(maps, f => File.Delete(f("sample0/a_cat 0_entity_0.png")), "sample0", "there is no reference");
        Refuses(maps, f => File.Copy(f("sample0/a_cat 0_entity_0.png"), f("sample0/a dog_entity_0.png")), "sample0",
            "2 references: 'a dog_entity_0.png', 'a_cat 0_entity_0.png'");
        Refuses(maps, f => File.Delete(f("sample0/a_cat 0_gen_1.png")), "sample0", "maps of 'a_cat 0_gen_1.png', but there is no such file");
        Refuses(maps, f => File.Copy(f("sample0/a_cat 0_gen_1.png"), f("sample0/a_cat 0_gen_2.png")), "sample0", "maps of 2 generated images only");
        Refuses(maps, f => File.Copy(f("sample0/a_cat 0_gen_1.png"), f("sample0/a dog_gen_1.png")), "sample0", "the generated image 1 stands there 2 times");
        Refuses(maps, f => File.Move(f("sample0/a_cat 0_gen_1.png"), f("sample0/a dog_gen_1.png")), "sample0", "another prompt than the reference");
        Refuses([], _ => { }, "", "holds no pair");
        Refuses(maps, f => File.Delete(f("patch_quality.pkl")), "", "this is no folder of pairs");
        Assert.Throws<DirectoryNotFoundException>(() => PairFolder.Open(_temporary.File("nowhere")));
    }

    [Fact]
    public void Maps_of_another_grid_or_with_impossible_values_are_refused_by_their_pair()
    {
        Refuses([[Maps(0, 0), new(Map(0), new QualityMap(2, 2, new float[4]))]], _
            => { }, "", "the generated image's map has 2 x 2 patches, that of the first pair 2 x 3", "sample 0, generation 1");
        Refuses([[Maps(0, 0)], [new(new QualityMap(3, 2, new float[6]), Map(0))]], _
            => { }, "", "the reference's map has 3 x 2 patches", "sample 1, generation 0");
        Refuses([[Maps(0, 1.01f)]], _ => { }, "", "row 0, column 0 of the generated image's map is 1.01", "sample 0, generation 0");
        Refuses([[Maps(-1.01f, 0)]], _ => { }, "", "row 0, column 0 of the reference's map is -1.01", "sample 0, generation 0");
        Assert.Single(PairFolder.Open(Official([Maps(-1.0005f, 1.0005f)])).Pairs);
    }

    [Fact]
    public void Maps_that_are_not_numbers_or_ragged_are_refused_by_the_pickle_reader()
    {
        string folder = Official([Maps(0, 0)]);
        string pickle = Path.Combine(folder, "patch_quality.pkl");
        // A list of rows of different lengths where numpy's array should be.
        byte[] ragged = new SamplePickle().Op("]](}").Text("target_map").Op("](").Op("](").Int(1).Int(2).Op("e").Op("](").Int(1).Op("e").Op("e").Op("se")
            .Op("a").Stop();
        File.WriteAllBytes(pickle, ragged);
        Assert.Equal("[0][0].target_map", Assert.Throws<WeightsFormatException>(() => PairFolder.Open(folder)).Key);
        byte[] bytes = File.ReadAllBytes(Path.Combine(Official([Maps(0.5f, 0.75f)]), "patch_quality.pkl"));
        int value = bytes.AsSpan().IndexOf(BitConverter.GetBytes(0.75f));
        BitConverter.GetBytes(float.NaN).CopyTo(bytes, value);
        File.WriteAllBytes(pickle, bytes);
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => PairFolder.Open(folder));
        Assert.Equal("[0][0].gene_map", e.Key);
        Assert.Contains("row 0, column 0 is NaN", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_may_have_a_byte_order_mark_or_be_UTF_16()
    {
        string folder = Built();
        string path = Path.Combine(folder, "manifest.json"), text = File.ReadAllText(path);
        foreach (Encoding encoding in new Encoding[] { new UTF8Encoding(true), Encoding.Unicode, Encoding.BigEndianUnicode })
        {
            File.WriteAllText(path, text, encoding);
            Assert.Equal("Bär, rot/grün", PairFolder.Open(folder).Pairs[0].Prompt);
        }
        File.WriteAllBytes(path, Encoding.Unicode.GetBytes(text));
        Refuses(folder, path, null, "UTF-16 without a byte order mark");
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(text));
        Refuses(folder, path, null, "not valid utf-8");
    }

    [Fact]
    public void A_malformed_manifest_is_refused_by_its_place()
    {
        string folder = Built();
        string path = Path.Combine(folder, "manifest.json"), text = File.ReadAllText(path);
        Change(m => m["header"]!["format"] = 2, path, "header.format", "version 2");
        Change(m => m["samples"]![1]!["sample"] = 0, path, "sample 0", "twice");
        Change(m => m["samples"]![1]!["generated"]!.AsArray().RemoveAt(1), path, "sample 1", "1 generated images, the first one 2");
        Change(m => m["samples"]![0]!["generated"]![1]!["file"] = "pairs/sample0/none.png", folder, "sample 0, generation 1", "none.png' is missing");
        Change(m => m["samples"]![0]!["reference"] = "../secret.png", folder, "../secret.png", "not one below the folder");
        Change(m => m["samples"]!.AsArray().RemoveAt(1), Path.Combine(folder, "maps.safetensors"), "reference_quality", "the manifest has 1 samples");
        Change(m => m["samples"] = new JsonArray(), folder, null, "holds no pair");
        Change(m => m["samples"]![0]!.AsObject().Remove("prompt"), path, "$.samples[0]", "prompt");
        Change(m => m["samples"]![0]!["prompt"] = null, path, "$.samples[0].prompt", "prompt");
        Change(m => m["samples"]![0]!["sample"] = "zero", path, "$.samples[0].sample", "not what this layout has");
        Change(m => m["candidates"]![0]!["rejection"] = 3, path, "$.candidates[0].rejection", "not what this layout has");
        File.WriteAllText(path, text.Replace("\"samples\": [", "\"samples\": [], \"samples\": [", StringComparison.Ordinal));
        Refuses(folder, path, "$.samples", "Duplicate");
        File.WriteAllText(path, "[1, 2");
        Refuses(folder, path, "$", "not what this layout has");
        File.WriteAllText(path, "null");
        Refuses(folder, path, null, "null");
        File.WriteAllText(path, "");
        Refuses(folder, path, "$", "not what this layout has");

        void Change(Action<JsonNode> change, string file, string? place, string problem)
        {
            JsonNode manifest = JsonNode.Parse(text)!;
            change(manifest);
            File.WriteAllText(path, manifest.ToJsonString());
            Refuses(folder, file, place, problem);
        }
    }

    [Fact]
    public void Stored_maps_that_do_not_fit_are_refused()
    {
        string folder = Built(), maps = Path.Combine(folder, "maps.safetensors");
        Write(("reference_quality", zeros(2, 2, 4, 4)));
        Refuses(folder, maps, "generated_quality", "no such tensor");
        Write(("reference_quality", zeros(2, 2, 16)), ("generated_quality", zeros(2, 2, 4, 4)));
        Refuses(folder, maps, "reference_quality", "[2,2,16]");
        Write(("reference_quality", zeros(2, 2, 4, 4)), ("generated_quality", full([2, 2, 4, 4], float.PositiveInfinity)));
        Refuses(folder, maps, "generated_quality[0][0]", "row 0, column 0");
        Write(("reference_quality", full([2, 2, 4, 4], -2)), ("generated_quality", zeros(2, 2, 4, 4)));
        Refuses(folder, folder, "sample 0, generation 0", "lies in [-1, 1]");
        File.WriteAllText(maps, "no tensors at all");
        Assert.Equal(maps, Assert.Throws<WeightsFormatException>(() => PairFolder.Open(folder)).Path);
        File.Delete(maps);
        Assert.Throws<FileNotFoundException>(() => PairFolder.Open(folder));

        void Write(params (string Key, Tensor Value)[] tensors)
        {
            using DisposeScope scope = NewDisposeScope();
            SafetensorsWriter.Write(maps, tensors.ToDictionary(t => t.Key, t => t.Value));
        }
    }

    [Fact]
    public void Hashes_are_compared_on_request()
    {
        string folder = Built();
        string image = Path.Combine(folder, "pairs", "sample1", "a dog_gen_0.png");
        ImageFile.SavePng(image, Image(5));
        Assert.Equal(4, PairFolder.Open(folder).Pairs.Count);
        Assert.Equal("pairs/sample1/a dog_gen_0.png", Assert.Throws<PairFolderException>(() => PairFolder.Open(folder, verifyHashes: true)).Place);
    }

    [Fact]
    public void An_image_that_is_none_is_named_when_it_is_read()
    {
        string folder = Official([Maps(0, 0)], [Maps(0, 0)]);
        File.WriteAllText(Path.Combine(folder, "sample1", "a_cat 1_gen_0.png"), "no image");
        PairFolder pairs = PairFolder.Open(folder);
        Assert.Equal("a_cat 0", pairs.Read().First().Prompt);
        Assert.EndsWith("a_cat 1_gen_0.png", Assert.Throws<InvalidImageException>(() => pairs.Read().Count()).ImageSource, StringComparison.Ordinal);
    }

    private string Built()
    {
        string folder = _temporary.File(Path.GetRandomFileName());
        new PairBuilder(new Painter().Generate, () => [], latentGrid: 4, new PixelEncoder(32, 8), new() { References = 2, GenerationsPerReference = 2 }, null)
            .Build(["Bär, rot/grün", "a dog"], folder);
        return folder;
    }

    private static QualityMap Map(float value) => new(2, 3, [.. Enumerable.Repeat(value, 6)]);

    private static QualityMapPair Maps(float reference, float generated) => new(Map(reference), Map(generated));

    private static ImageBuffer Image(int number) => Painter.Disc((number % 200, 90, 90), 16, 16, 8);

    private string Official(params QualityMapPair[][] maps)
    {
        string folder = _temporary.File(Path.GetRandomFileName());
        Directory.CreateDirectory(folder);
        for (int k = 0; k < maps.Length; k++)
        {
            string sample = Directory.CreateDirectory(Path.Combine(folder, $"sample{k}")).FullName;
            ImageFile.SavePng(Path.Combine(sample, $"a_cat {k}_entity_0.png"), Image(k));
            for (int i = 0; i < maps[k].Length; i++)
                ImageFile.SavePng(Path.Combine(sample, $"a_cat {k}_gen_{i}.png"), Image(1000 + (10 * k) + i));
        }
        QualityMapPickle.Write(Path.Combine(folder, "patch_quality.pkl"), maps);
        return folder;
    }

    private void Refuses(QualityMapPair[][] maps, Action<Func<string, string>> damage, string file, string problem, string? place = null)
    {
        string folder = Official(maps);
        damage(name => Path.Combine(folder, name));
        PairFolderException e = Assert.Throws<PairFolderException>(() => PairFolder.Open(folder));
        Assert.Equal(Path.Combine(folder, file), e.Path);
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        if (place is not null)
            Assert.Equal(place, e.Place);
    }

    private static void Refuses(string folder, string path, string? place, string problem)
    {
        PairFolderException e = Assert.Throws<PairFolderException>(() => PairFolder.Open(folder));
        Assert.Equal((path, place), (e.Path, e.Place));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }
}
