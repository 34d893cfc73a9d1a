using System.Text.Json;
using PatchDpo.Torch.Evaluation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Evaluation;

/// <summary>DreamBench scores against the golden numbers; arithmetics and settings are those that the JSON lists.</summary>
public sealed class DreamBenchScoresParityTests
{
    // The fixture's note on the numpy float16 arithmetic of the official script: "compare at 2e-3 only".
    private const double Float16Tolerance = 2e-3;

    public static TheoryData<string, string> Cases()
    {
        TheoryData<string, string> data = [];
        foreach (string json in Fixtures.Find("11_quality_scores", "dreambench*.json"))
            foreach (JsonProperty variant in Fixtures.Json(json).GetProperty("overall").EnumerateObject())
                data.Add(Path.GetFileName(json), variant.Name);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Scores_equal_the_golden_ones_per_subject_and_overall(string file, string variant)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement json = Fixtures.Json(Path.Combine("11_quality_scores", file));
        Dictionary<string, Tensor> tensors = Fixtures.Tensors(Path.Combine("11_quality_scores", Path.ChangeExtension(file, ".safetensors")));
        (string arithmeticName, string settingName) = (variant.Split('.')[0], variant.Split('.')[1]);
        (ScalarType arithmetic, double overallTolerance, double entityTolerance) = arithmeticName switch
        {
            "fp32" => (ScalarType.Float32, Tolerance("overall_abs"), Tolerance("per_entity_abs")),
            "fp64" => (ScalarType.Float64, Tolerance("overall_abs"), Tolerance("per_entity_abs")),
            "fp16_clip" => (ScalarType.Float16, Float16Tolerance, Float16Tolerance),
            _ => throw new InvalidDataException($"Unknown arithmetic '{arithmeticName}'."),
        };
        DreamBenchSetting setting = Enum.Parse<DreamBenchSetting>(settingName, ignoreCase: true);

        (IReadOnlyList<SubjectScores> subjects, SubjectScores overall) = DreamBenchScores.Compute(Subjects(json, tensors), setting, arithmetic);
        JsonElement golden = json.GetProperty("overall").GetProperty(variant);
        AssertMetric("clip_t", s => s.ClipT, overallTolerance, entityTolerance);
        AssertMetric("clip_i", s => s.ClipI, overallTolerance, entityTolerance);
        // DINO's arithmetic is never float16.
        AssertMetric("dino", s => s.Dino, Tolerance("overall_abs"), Tolerance("per_entity_abs"));

        double Tolerance(string name) => json.GetProperty("tolerance_fp32").GetProperty(name).GetDouble();
        void AssertMetric(string metric, Func<SubjectScores, double> score, double overallAbs, double entityAbs)
        {
            Assert.Equal(golden.GetProperty(metric).GetDouble(), score(overall), overallAbs);
            if (tensors.TryGetValue($"out.{variant}.{metric}_per_entity", out Tensor? expected))
                Fixtures.AssertClose(tensor(subjects.Select(score).ToArray()), expected, entityAbs, $"{variant} {metric}");
        }
    }

    [Fact]
    public void The_protocols_tables_are_the_golden_ones()
    {
        foreach (string file in Fixtures.Find("11_quality_scores", "dreambench*.json"))
        {
            JsonElement json = Fixtures.Json(file);
            string[] names = Strings(json.GetProperty("entities")), classes = Strings(json.GetProperty("entity_class"));
            for (int i = 0; i < names.Length; i++)
            {
                DreamBenchSubject subject = DreamBench.Subjects.Single(s => s.Name == names[i]);
                Assert.Equal(classes[i], subject.ClassName);
                Assert.Equal(Strings(json.GetProperty("reference_files").GetProperty(names[i])), subject.Photos.Select(photo => photo + ".jpg"));
                Assert.Equal(json.GetProperty("kosmosg_selected").GetProperty(names[i]).GetString(), subject.SelectedPhoto);
                string[] prompts = Strings(json.GetProperty(classes[i] is "cat" or "dog" ? "prompts_animal" : "prompts_object"));
                Assert.Equal(prompts.Select(p => p.Replace("{0}", classes[i], StringComparison.Ordinal)), DreamBench.Prompts(subject));
            }
        }
    }

    private static List<SubjectEmbeddings> Subjects(JsonElement json, Dictionary<string, Tensor> tensors)
    {
        long[] counts = tensors["in.ref_counts"].data<long>().ToArray(), selected = tensors["in.kosmosg_selected_index"].data<long>().ToArray();
        string[] names = Strings(json.GetProperty("entities"));
        List<SubjectEmbeddings> subjects = [];
        long first = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            subjects.Add(new SubjectEmbeddings(
                names[i], tensors["in.clip_image_gen"][i], tensors["in.clip_text"][i], tensors["in.clip_image_ref_cat"].narrow(0, first, counts[i]),
                tensors["in.dino_gen"][i], tensors["in.dino_ref_cat"].narrow(0, first, counts[i]), (int)selected[i]));
            first += counts[i];
        }
        return subjects;
    }

    private static string[] Strings(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetString()!)];
}
