using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Tests;

/// <summary>The command evaluate with Concept101, run as its users run it.</summary>
public sealed class EvaluateConcept101Tests : IClassFixture<TinyModels>, IDisposable
{
    private readonly TinyModels _models;
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-concept101-").FullName;
    private readonly string _data, _generations, _output;

    public EvaluateConcept101Tests(TinyModels models)
    {
        _models = models;
        (_generations, _output) = (Path.Combine(_root, "generations"), Path.Combine(_root, "scores"));
        _data = Concept101Data.Write(Path.Combine(_root, "data"), (path, o, i) => ImageFile.SavePng(path, TinyPersonalizedModel.Image((10 * o) + i)));
        for (int c = 0; c < 2; c++)
            for (int p = 0; p < 2; p++)
            {
                string path = Path.Combine(_generations, Concept101Data.Generation(c, p));
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                ImageFile.SavePng(path, TinyPersonalizedModel.Image((10 * c) + p));
            }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_report_has_the_scores_and_says_how_CLIP_T_is_defined()
    {
        (int exitCode, string[] output, string[] errors) = Run("--captions", "official");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Contains(output, l => l.Contains("2.5 max(cos, 0)", StringComparison.Ordinal));
        JsonElement json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_output, "scores.json"))).RootElement;
        Assert.Contains("2.5 max(cos, 0)", json.GetProperty("clipTDefinition").GetString(), StringComparison.Ordinal);
        Assert.Equal(("Concept101", "Official", 4),
            (json.GetProperty("benchmark").GetString(), json.GetProperty("captionRule").GetString(), json.GetProperty("images").GetInt32()));
        JsonElement[] combinations = [.. json.GetProperty("combinations").EnumerateArray()];
        double dino = combinations.Average(c => c.GetProperty("objects").EnumerateArray().Average(o => o.GetProperty("dino").GetDouble()));
        Assert.Equal(dino, json.GetProperty("metrics").GetProperty("dino").GetProperty("mean").GetDouble(), 1e-9);
        string[] rows = File.ReadAllLines(Path.Combine(_output, "scores.tsv"));
        Assert.EndsWith("\tClipT2.5Max0", rows[0], StringComparison.Ordinal);
        Assert.Equal(1 + 4 + 1, rows.Length);
    }

    [Fact]
    public void What_is_missing_is_listed_and_refused_unless_asked_for()
    {
        File.Delete(Path.Combine(_generations, Concept101Data.Generation(0, 0)));
        (int exitCode, _, string[] errors) = Run();
        Assert.Equal(2, exitCode);
        Assert.Contains($"missing generation {Concept101Data.Generation(0, 0)}", errors);
        Assert.False(Directory.Exists(_output));
        Assert.Equal(0, Run("--allow-missing").ExitCode);
    }

    [Theory]
    [InlineData("Name the data set's folder with --concept101", "--benchmark", "concept101", "--embedded")]
    [InlineData("Name the data set's folder with --dreambench", "--embedded")]
    [InlineData("either both --dino and --clip, or --embedded", "--benchmark", "concept101", "--concept101", "DATA")]
    [InlineData("there is no such file", "--benchmark", "concept101", "--concept101", "nowhere", "--embedded")]
    public void Bad_input_gives_one_line_and_exit_code_2(string message, params string[] arguments)
    {
        (int exitCode, _, string[] errors) = Tool.Run("evaluate", [_generations, .. arguments.Select(a => a == "DATA" ? _data : a), "--output", _output]);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(errors), StringComparison.Ordinal);
    }

    private (int ExitCode, string[] Output, string[] Errors) Run(params string[] more)
        => Tool.Run("evaluate", [_generations, "--benchmark", "concept101", "--concept101", _data, "--dino", _models.Dino, "--clip", _models.FullClip,
            "--output", _output, .. more]);
}
