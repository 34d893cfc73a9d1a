using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Tests;

/// <summary>The command evaluate, run as its users run it.</summary>
public sealed class EvaluateTests : IClassFixture<TinyModels>, IDisposable
{
    private readonly TinyModels _models;
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-dreambench-").FullName;
    private readonly string _generations, _photos, _output;

    public EvaluateTests(TinyModels models)
    {
        _models = models;
        (_generations, _photos, _output) = (Path.Combine(_root, "generations"), Path.Combine(_root, "photos"), Path.Combine(_root, "scores"));
        for (int i = 0; i < DreamBench.Subjects.Count; i++)
        {
            string folder = Directory.CreateDirectory(Path.Combine(_photos, DreamBench.Subjects[i].Name)).FullName;
            foreach (string photo in DreamBench.Subjects[i].Photos)
                ImageFile.SavePng(Path.Combine(folder, photo + ".png"), TinyPersonalizedModel.Image(i));
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("original", 158)]
    [InlineData("kosmos-g", 30)]
    public void A_complete_folder_gives_the_scores_as_table_json_and_tsv(string setting, int photos)
    {
        // Every generation is a copy of its subject's photo, so that it is found again entirely.
        for (int i = 0; i < DreamBench.Subjects.Count; i++)
            foreach (string prompt in DreamBench.Prompts(DreamBench.Subjects[i]))
                WriteGeneration(DreamBench.Subjects[i].Name, prompt, i);

        (int exitCode, string[] output, string[] errors) = Run("--setting", setting, "--seed", "42");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        // The tiny text encoder takes 16 tokens, and DreamBench has longer prompts.
        Assert.All(errors.Where(e => !e.StartsWith("warning: ", StringComparison.Ordinal)), e => Assert.Matches("^image [0-9]+ of 750$", e));
        Assert.Equal("image 750 of 750", Assert.Single(errors, e => e.StartsWith("image 750 ", StringComparison.Ordinal)));
        Assert.DoesNotContain(output, l => l.StartsWith("image ", StringComparison.Ordinal));
        Assert.Contains(output, l => l.StartsWith("backpack ", StringComparison.Ordinal));
        JsonElement json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_output, "scores.json"))).RootElement;
        Assert.Equal((setting == "original" ? "Original" : "KosmosG", 750, 25 * photos, 42),
            (json.GetProperty("setting").GetString(), json.GetProperty("images").GetInt32(), json.GetProperty("pairs").GetInt32(),
                json.GetProperty("generationSeed").GetInt32()));
        foreach (string metric in new[] { "dino", "clipI" })
            Assert.Equal(1, json.GetProperty("metrics").GetProperty(metric).GetProperty("mean").GetDouble(), 1e-5);
        Assert.InRange(json.GetProperty("metrics").GetProperty("clipT").GetProperty("mean").GetDouble(), -1, 0.999);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("metrics").GetProperty("patchQuality").ValueKind);
        Assert.Equal(30, json.GetProperty("subjects").GetArrayLength());
        Assert.Equal(["DINO", "CLIP"], json.GetProperty("models").EnumerateArray().Select(m => m.GetProperty("role").GetString()));
        Assert.Empty(json.GetProperty("notes").EnumerateArray());
        Assert.Equal(32, File.ReadAllLines(Path.Combine(_output, "scores.tsv")).Length);
    }

    [Fact]
    public void An_incomplete_folder_fails_and_is_evaluated_only_on_request()
    {
        WriteGeneration("cat", "a cat in the snow", 21);
        WriteGeneration("dog", "a dog in the snow", 5);
        WriteGeneration("dog", "a dog in my garden", 5);
        (int exitCode, string[] output, string[] errors) = Run();
        Assert.Equal(2, exitCode);
        Assert.Empty(output);
        // 24 generations of two subjects, all of 28, a stray one, and what to do about it.
        Assert.Equal(24 + 24 + 28 + 1 + 1, errors.Length);
        Assert.Contains("missing generations of vase: all 25", errors);
        Assert.Contains($"missing generation {Path.Combine("dog", "a dog in the jungle.png")}", errors);
        Assert.Contains($"stray generation {Path.Combine("dog", "a dog in my garden.png")}", errors);
        Assert.StartsWith("error: 748 files are missing and 1 are not of the benchmark", errors[^1], StringComparison.Ordinal);
        Assert.False(Directory.Exists(_output));

        (exitCode, output, errors) = Run("--allow-missing");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal("image 2 of 2", errors[^1]);
        Assert.Equal(24 + 24 + 28 + 1, errors.Count(e => !e.StartsWith("image ", StringComparison.Ordinal)));
        JsonElement json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_output, "scores.json"))).RootElement;
        Assert.Equal((2, 10), (json.GetProperty("images").GetInt32(), json.GetProperty("pairs").GetInt32()));
        Assert.Equal((748, 1), (json.GetProperty("missingFiles").GetArrayLength(), json.GetProperty("strayFiles").GetArrayLength()));
        JsonElement[] subjects = [.. json.GetProperty("subjects").EnumerateArray()];
        Assert.Equal(["cat", "dog"], subjects.Select(s => s.GetProperty("subject").GetString()));
        Assert.Equal(1, subjects[0].GetProperty("dino").GetDouble(), 1e-5);
        Assert.InRange(subjects[1].GetProperty("dino").GetDouble(), -1, 0.999);
    }

    [Fact]
    public void The_embedded_encoders_are_taken_on_request_alone_and_say_so()
    {
        WriteGeneration("cat", "a cat in the snow", 21);
        (int exitCode, string[] output, _) = Tool.Run("evaluate", _generations, "--dreambench", _photos, "--output", _output, "--allow-missing", "--embedded");
        Assert.Equal(0, exitCode);
        Assert.Contains(output, l => l.StartsWith("note:", StringComparison.Ordinal) && l.Contains("compare with no others", StringComparison.Ordinal));
        Assert.Contains("compare with no others", File.ReadAllText(Path.Combine(_output, "scores.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_models_the_subject_similarity_of_a_ResNet_18_is_measured_and_is_not_called_DINO()
    {
        WriteGeneration("cat", "a cat in the snow", 21);
        (int exitCode, string[] output, string[] errors) = Tool.Run("evaluate", _generations, "--dreambench", _photos, "--output", _output, "--allow-missing");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Contains(output, l => l.StartsWith("note:", StringComparison.Ordinal) && l.Contains("ResNet-18", StringComparison.Ordinal));
        Assert.Contains(output, l => l.StartsWith("subject similarity ", StringComparison.Ordinal));
        Assert.DoesNotContain(output, l => l.StartsWith("DINO", StringComparison.Ordinal));
        Assert.Contains(output, l => l.StartsWith("subject similarity: ResNet18.onnx, SHA-256 ", StringComparison.Ordinal));
        using var report = JsonDocument.Parse(File.ReadAllText(Path.Combine(_output, "scores.json")));
        JsonElement metrics = report.RootElement.GetProperty("metrics");
        Assert.Equal(JsonValueKind.Null, metrics.GetProperty("dino").ValueKind);
        Assert.InRange(metrics.GetProperty("subjectSimilarity").GetProperty("mean").GetDouble(), -1, 1.001);
        string[] header = File.ReadLines(Path.Combine(_output, "scores.tsv")).First().Split('\t');
        Assert.Equal("SubjectSimilarity", header[^1]);
    }

    [Theory]
    [InlineData("both --dino and --clip, or --embedded", "--dino", "DINO")]
    [InlineData("both --dino and --clip, or --embedded", "--dino", "DINO", "--clip", "CLIP", "--embedded")]
    [InlineData("There is no folder", "--dino", "DINO", "--clip", "CLIP", "--dreambench", "nowhere")]
    [InlineData("has none of these files: ", "--dino", "DINO", "--clip", "PHOTOS", "--allow-missing")]
    [InlineData("'both' not recognized", "--dino", "DINO", "--clip", "CLIP", "--setting", "both")]
    public void Bad_input_gives_one_line_and_exit_code_2(string message, params string[] arguments)
    {
        WriteGeneration("cat", "a cat in the snow", 21);
        List<string> all = [_generations,
            .. arguments.Select(a => a switch { "DINO" => _models.Dino, "CLIP" => _models.FullClip, "PHOTOS" => _photos, _ => a }), "--output", _output];
        if (!all.Contains("--dreambench"))
            all.AddRange("--dreambench", _photos);
        (int exitCode, _, string[] errors) = Tool.Run("evaluate", [.. all]);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(errors, e => !e.StartsWith("missing ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_output));
    }

    [Fact]
    public void A_generation_that_is_no_image_is_named()
    {
        WriteGeneration("cat", "a cat in the snow", 21);
        string bad = Path.Combine(_generations, "cat", "a cat in the jungle.png");
        File.WriteAllText(bad, "no image");
        (int exitCode, _, string[] errors) = Run("--allow-missing");
        Assert.Equal(2, exitCode);
        Assert.Contains(bad, errors[^1], StringComparison.Ordinal);
    }

    private (int ExitCode, string[] Output, string[] Errors) Run(params string[] more)
        => Tool.Run("evaluate", [_generations, "--dreambench", _photos, "--dino", _models.Dino, "--clip", _models.FullClip, "--output", _output, .. more]);

    private void WriteGeneration(string subject, string prompt, int image)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_generations, subject)).FullName;
        ImageFile.SavePng(Path.Combine(folder, prompt + ".png"), TinyPersonalizedModel.Image(image));
    }
}
