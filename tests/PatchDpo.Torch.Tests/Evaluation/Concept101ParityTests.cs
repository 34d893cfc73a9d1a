using System.Text.Json;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Evaluation;

/// <summary>Concept101's scores, captions, files and pictures against the golden ones; combinations and arithmetics are those that the JSON lists.</summary>
public sealed class Concept101ParityTests
{
    private const string Folder = "17_concept101_scores";

    public static TheoryData<string, string> Variants()
    {
        TheoryData<string, string> data = [];
        foreach (string json in Fixtures.Find(Folder, "concept101*.json"))
            foreach (JsonProperty variant in Fixtures.Json(json).GetProperty("overall").EnumerateObject())
                data.Add(Path.GetFileName(json), variant.Name);
        return data;
    }

    public static TheoryData<string> Files() => [.. Fixtures.Find(Folder, "concept101*.json").Select(f => Path.GetFileName(f)!)];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Scores_equal_the_golden_ones_per_combination_and_overall(string file, string variant)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement json = Fixtures.Json(Path.Combine(Folder, file));
        Dictionary<string, Tensor> tensors = Fixtures.Tensors(Path.Combine(Folder, Path.ChangeExtension(file, ".safetensors")));
        JsonElement tolerances = json.GetProperty("tolerance_fp32");
        // The note on numpy's float16: compare at 2e-3 only, CLIP-T at 5e-3.
        (ScalarType arithmetic, double clipI, double clipT) = variant switch
        {
            "fp32" => (ScalarType.Float32, 0d, 0d),
            "fp64" => (ScalarType.Float64, 0d, 0d),
            "fp16_clip" => (ScalarType.Float16, 2e-3, 5e-3),
            _ => throw new InvalidDataException($"Unknown arithmetic '{variant}'."),
        };
        double overallAbs = tolerances.GetProperty("overall_abs").GetDouble(), combinationAbs = tolerances.GetProperty("per_comb_abs").GetDouble();

        (IReadOnlyList<CombinationScores> combinations, (double ClipT, double ClipI, double Dino) overall)
            = Concept101Scores.Compute(Embeddings(json, tensors), arithmetic);
        JsonElement golden = json.GetProperty("overall").GetProperty(variant);
        Assert.Equal(golden.GetProperty("clip_t").GetDouble(), overall.ClipT, Math.Max(overallAbs, clipT));
        Assert.Equal(golden.GetProperty("clip_i").GetDouble(), overall.ClipI, Math.Max(overallAbs, clipI));
        Assert.Equal(golden.GetProperty("dino").GetDouble(), overall.Dino, overallAbs);
        AssertTable("clip_t_per_comb", tensor(combinations.Select(c => (float)c.ClipT).ToArray()), clipT);
        AssertTable("clip_i_per_comb_object", Table(c => c.ClipI), clipI);
        AssertTable("dino_per_comb_object", Table(c => c.Dino), 0);

        Tensor Table(Func<CombinationScores, IReadOnlyList<double>> of) => stack(combinations.Select(c => tensor(of(c).Select(v => (float)v).ToArray())));

        void AssertTable(string name, Tensor actual, double abs)
        {
            if (tensors.TryGetValue($"out.{variant}.{name}", out Tensor? expected))
                Fixtures.AssertClose(actual, expected, Math.Max(abs, combinationAbs), $"{variant} {name}");
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_files_caption_is_its_name_up_to_the_first_dot(string file)
    {
        JsonElement[] rows = [.. Fixtures.Json(Path.Combine(Folder, file)).GetProperty("rows").EnumerateArray()];
        Assert.NotEmpty(rows);
        Assert.All(rows, r =>
        {
            string name = r.GetProperty("file").GetString()!;
            Assert.Equal(r.GetProperty("caption").GetString(), Concept101.OfficialCaption(name));
            Assert.True(Concept101.IsGeneration(name));
        });
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void References_are_cut_out_and_padded_to_the_golden_bytes(string file)
    {
        JsonElement[] pictures = [.. Fixtures.Json(Path.Combine(Folder, file)).GetProperty("pictures").EnumerateArray()];
        Assert.NotEmpty(pictures);
        Assert.All(pictures, p =>
        {
            ImageBuffer Load(string name) => ImageFile.Load(Fixtures.Path(Folder, p.GetProperty(name).GetString()!));
            double[] box = [.. p.GetProperty("box").EnumerateArray().Select(v => v.GetDouble())];
            ImageBuffer expected = Load("output").ToRgb(), actual = Concept101.CutOut(Load("input"), box);
            Assert.Equal((expected.Width, expected.Height), (actual.Width, actual.Height));
            Assert.Equal(expected.Pixels, actual.Pixels);
        });
    }

    [Theory]
    [InlineData("a._gen.png", true)]
    [InlineData("generated.JPG", true)]
    [InlineData("a_gen.JPEG", false)]
    [InlineData("a_gen.webp", false)]
    [InlineData("a.png", false)]
    public void Generations_are_told_by_name_and_ending(string name, bool expected) => Assert.Equal(expected, Concept101.IsGeneration(name));

    private static List<CombinationEmbeddings> Embeddings(JsonElement json, Dictionary<string, Tensor> tensors)
    {
        string[] concepts = [.. json.GetProperty("concepts").EnumerateArray().Select(e => e.GetString()!)];
        JsonElement[] combinations = [.. json.GetProperty("combinations").EnumerateArray()];
        List<CombinationEmbeddings> result = [];
        for (int k = 0; k < combinations.Length; k++)
        {
            Tensor rows = tensors["in.comb_of_row"].eq(k);
            result.Add(new CombinationEmbeddings(
                tensors["in.clip_image_gen"][rows], tensors["in.clip_caption"][rows], tensors["in.dino_gen"][rows],
                [.. combinations[k].EnumerateArray().Select(c => tensors["in.concept_of_ref"].eq(Array.IndexOf(concepts, c.GetString())))
                    .Select(photos => (tensors["in.clip_ref"][photos], tensors["in.dino_ref"][photos]))]));
        }
        return result;
    }
}
