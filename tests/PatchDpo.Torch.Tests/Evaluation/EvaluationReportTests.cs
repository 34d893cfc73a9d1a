using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Torch.Tests.Evaluation;

public sealed class EvaluationReportTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void Json_has_everything_and_null_for_what_is_not_there()
    {
        string path = _temporary.File("scores.json");
        new EvaluationReport(Metrics()) { Notes = ["a note"], MissingFiles = ["cat/a.png"], StrayFiles = ["b.png"] }.WriteJson(path);
        JsonElement json = JsonDocument.Parse(File.ReadAllText(path)).RootElement;
        Assert.Equal("KosmosG", json.GetProperty("setting").GetString());
        Assert.Equal((3, 4, 42), (json.GetProperty("images").GetInt32(), json.GetProperty("pairs").GetInt32(), json.GetProperty("generationSeed").GetInt32()));
        JsonElement dino = json.GetProperty("metrics").GetProperty("dino");
        Assert.Equal((0.5, 0.4), (dino.GetProperty("mean").GetDouble(), dino.GetProperty("lower").GetDouble()));
        // A single subject has no interval, and JSON no NaN.
        Assert.Equal(JsonValueKind.Null, json.GetProperty("metrics").GetProperty("clipI").GetProperty("lower").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("metrics").GetProperty("patchQuality").ValueKind);
        JsonElement subject = json.GetProperty("subjects")[0];
        Assert.Equal(("cat", 0.25), (subject.GetProperty("subject").GetString(), subject.GetProperty("clipT").GetDouble()));
        Assert.Equal("abc", json.GetProperty("models")[0].GetProperty("sha256").GetString());
        Assert.Equal(["a note"], json.GetProperty("notes").EnumerateArray().Select(n => n.GetString()));
        Assert.Equal("cat/a.png", json.GetProperty("missingFiles")[0].GetString());
        Assert.Equal("b.png", json.GetProperty("strayFiles")[0].GetString());
    }

    [Fact]
    public void Tsv_has_a_row_for_each_subject_and_their_mean()
    {
        string path = _temporary.File("scores.tsv");
        File.WriteAllText(path, "old");
        new EvaluationReport(Metrics()).WriteTsv(path);
        Assert.Equal(
            [
                "Setting\tSubject\tImages\tPairs\tDino\tClipI\tClipT\tPatchQuality\tSubjectSimilarity",
                "KosmosG\tcat\t1\t2\t0.400000\t0.700000\t0.250000\t\t",
                "KosmosG\tdog\t2\t2\t0.600000\t0.700000\t0.350000\t\t",
                "KosmosG\tmean\t3\t4\t0.500000\t0.700000\t0.300000\t\t",
            ],
            File.ReadAllLines(path));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    private static PersonalizationMetrics Metrics() => new(
        DreamBenchSetting.KosmosG, 3, 4, new MetricEstimate(0.5, 0.4, 0.6), new MetricEstimate(0.7, double.NaN, double.NaN), new MetricEstimate(
            0.3, 0.2, 0.4), null,
        [new SubjectMetrics("cat", 1, 2, 0.4, 0.7, 0.25, null), new SubjectMetrics("dog", 2, 2, 0.6, 0.7, 0.35, null)],
        [new EvaluationModel("DINO", "vits16", "abc")], 42);
}
