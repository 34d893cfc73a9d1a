using System.Diagnostics;
using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Tool.Reproduce;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;

namespace PatchDpo.Tool.Tests;

/// <summary>The command reproduce, run as its users run it, on two subjects and two prompts.</summary>
public sealed class ReproduceTests : IClassFixture<TinyModels>, IDisposable
{
    private readonly TinyModels _models;
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-reproduce-").FullName;
    private readonly string _photos;

    public ReproduceTests(TinyModels models)
    {
        _models = models;
        _photos = Path.Combine(_root, "dreambench");
        int image = 0;
        foreach (DreamBenchSubject subject in DreamBench.Subjects.Where(s => s.Name is "backpack" or "cat"))
            foreach (string photo in subject.Photos)
                ImageFile.SavePng(Path.Combine(Directory.CreateDirectory(Path.Combine(_photos, subject.Name)).FullName, photo + ".png"),
                    TinyPersonalizedModel.Image(image++));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Killed_in_every_stage_it_goes_on_repeats_nothing_and_makes_the_files_of_one_that_was_not()
    {
        string straight = Path.Combine(_root, "straight"), killed = Path.Combine(_root, "killed");
        string[] options = ["--training-steps", "12", "--checkpoint-every", "1", "--batch", "1"];
        (int exitCode, string[] output, string[] errors) = Run(straight, options);
        Assert.True(exitCode == 0, $"{exitCode}: {string.Join('\n', errors)}");
        Assert.DoesNotContain(output, l => l.EndsWith("done before", StringComparison.Ordinal));

        Dictionary<string, DateTime> made = [];
        KillWhen(() => Directory.Exists(Path.Combine(killed, "data", "pairs")));
        KillWhen(() => Directory.Exists(Path.Combine(killed, "images", "original", "before")));
        KillWhen(() => Directory.Exists(Path.Combine(killed, "training", "step-00000003")));
        KillWhen(() => Directory.Exists(Path.Combine(killed, "images", "original", "after")));
        KillWhen(() => File.Exists(Path.Combine(killed, "scores", "original", "before", "scores.json")));
        (exitCode, output, errors) = Run(killed, options);
        Assert.True(exitCode == 0, $"{exitCode}: {string.Join('\n', errors)}");
        Assert.Equal(["stage 1 of 5: build the data set: done before", "stage 2 of 5: draw the benchmark before the tuning: done before",
            "stage 3 of 5: tune the adapter: done before", "stage 4 of 5: draw the benchmark after the tuning: done before", "stage 5 of 5: measure"],
            output.Where(l => l.StartsWith("stage ", StringComparison.Ordinal)));
        Assert.All(made, f => Assert.Equal((f.Key, f.Value), (f.Key, File.GetLastWriteTimeUtc(f.Key))));
        Assert.Equal(Contents(straight), Contents(killed));

        // The table stands beside the published figures, and says what they are not worth.
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(killed, "table.json")));
        Assert.Contains("mean nothing", json.RootElement.GetProperty("notes")[0].GetString(), StringComparison.Ordinal);
        JsonElement[] results = [.. json.RootElement.GetProperty("results").EnumerateArray()];
        Assert.Equal([("Original", 0.78, 4), ("KosmosG", 0.65, 4)],
            results.Select(r => (r.GetProperty("setting").GetString(), r.GetProperty("adapterScale").GetDouble(), r.GetProperty("images").GetInt32())));
        Assert.Equal(0.727, results[0].GetProperty("published").EnumerateArray().Single(p => p.GetProperty("method").GetString() == "PatchDPO")
            .GetProperty("dino").GetDouble());
        foreach ((JsonElement result, string setting) in results.Zip(["original", "kosmos-g"]))
            foreach (string metric in new[] { "dino", "clipI", "clipT" })
            {
                double before = Mean(killed, setting, "before", metric), after = Mean(killed, setting, "after", metric);
                Assert.NotEqual(before, after);
                Assert.Equal(before, result.GetProperty("before").GetProperty(metric).GetProperty("mean").GetDouble(), 1e-9);
                Assert.Equal(after, result.GetProperty("after").GetProperty(metric).GetProperty("mean").GetDouble(), 1e-9);
                Assert.Equal(after - before, result.GetProperty("change").GetProperty(metric).GetProperty("mean").GetDouble(), 1e-9);
            }
        Assert.Contains("generator", json.RootElement.GetProperty("models").EnumerateArray().Select(m => m.GetProperty("role").GetString()));
        string table = File.ReadAllText(Path.Combine(killed, "table.md"));
        Assert.Contains("| PatchDPO | 0.831 | 0.880 | 0.288 | published |", table, StringComparison.Ordinal);
        Assert.Contains("mean nothing", table, StringComparison.Ordinal);

        // Another option is another reproduction.
        (exitCode, _, errors) = Run(killed, [.. options, "--seed", "7"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("was begun otherwise (seed: 42, now 7)", Assert.Single(errors), StringComparison.Ordinal);

        void KillWhen(Func<bool> isThere)
        {
            using Process process = Process.Start(ChildProcess.Prepare(AppContext.BaseDirectory, Tool.Assembly, Arguments(killed, options)))!;
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            while (!isThere())
            {
                Assert.False(process.HasExited);
                Thread.Sleep(1);
            }
            process.Kill();
            process.WaitForExit();
            // What is there now is to stay; checkpoints make way for later ones, and so does the record of an unfinished data set.
            foreach (string file in Directory.GetFiles(killed, "*", SearchOption.AllDirectories).Where(f => Path.GetExtension(f) != ".tmp"))
                if (IsResult(killed, file) && !(file.Contains("data", StringComparison.Ordinal) && made.Count == 0))
                    made.TryAdd(file, File.GetLastWriteTimeUtc(file));
        }
    }

    [Fact]
    public void A_model_of_ones_own_is_measured_with_the_encoders_that_are_given_and_a_single_subject_has_no_interval()
    {
        string output = Path.Combine(_root, "own"), adapter = Path.Combine(EmbeddedModels.Generator, "ip_adapter.safetensors");
        string[] options = ["--model", EmbeddedModels.Generator, "--adapter", adapter, "--dino", _models.Dino, "--clip", _models.FullClip, "--encoder",
            "embedded", "--subjects", "cat", "--prompts", "1", "--training-steps", "1"];
        (int exitCode, _, string[] errors) = Run(output, options);
        Assert.True(exitCode == 0, $"{exitCode}: {string.Join('\n', errors)}");
        string[] results = Files(output);
        using (var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(output, "table.json"))))
        {
            JsonElement change = json.RootElement.GetProperty("results")[0].GetProperty("change").GetProperty("dino");
            Assert.Equal((JsonValueKind.Number, JsonValueKind.Null), (change.GetProperty("mean").ValueKind, change.GetProperty("lower").ValueKind));
            Assert.DoesNotContain(
                json.RootElement.GetProperty("notes").EnumerateArray(), n => n.GetString()!.Contains("mean nothing", StringComparison.Ordinal));
            Assert.Equal(["generator", "adapter", "patch encoder", "DINO", "CLIP", "photos"],
                json.RootElement.GetProperty("models").EnumerateArray().Select(m => m.GetProperty("role").GetString()));
        }

        // One process at a time.
        using (ReproductionRecord.Hold(output))
        {
            (exitCode, _, errors) = Run(output, options);
            Assert.Equal(2, exitCode);
            Assert.Contains("nother process", Assert.Single(errors), StringComparison.Ordinal);
        }

        // A file that is lost is made again, and nothing else.
        File.WriteAllText(Path.Combine(output, "images", "original", "before", "cat", "a cat in the jungle.png.x.tmp"), "a part");
        string lost = Path.Combine(output, "images", "kosmos-g", "after", "cat", "a cat in the jungle.png");
        byte[] image = File.ReadAllBytes(lost);
        File.Delete(lost);
        Dictionary<string, DateTime> times = results.Where(f => f != lost).ToDictionary(f => f, File.GetLastWriteTimeUtc);
        (exitCode, string[] told, errors) = Run(output, options);
        Assert.True(exitCode == 0, $"{exitCode}: {string.Join('\n', errors)}");
        Assert.Equal(4, told.Count(l => l.EndsWith("done before", StringComparison.Ordinal)));
        Assert.Equal(image, File.ReadAllBytes(lost));
        Assert.Equal(results, Files(output));
        Assert.All(times, f => Assert.Equal((f.Key, f.Value), (f.Key, File.GetLastWriteTimeUtc(f.Key))));
    }

    [Theory]
    [InlineData("Give both --dino and --clip", "--model", "somewhere")]
    [InlineData("Give both --dino and --clip", "--dino", "somewhere")]
    [InlineData("DreamBench has no subject 'boot'; it has backpack, ", "--subjects", "cat", "boot")]
    [InlineData("has 0 of the 5 photos of 'dog' that the setting Original needs", "--subjects", "dog")]
    [InlineData("--prompts must be at least 1", "--prompts", "0")]
    [InlineData("Option '--dreambench' is required")]
    public void Bad_input_gives_one_line_and_exit_code_2(string message, params string[] arguments)
    {
        string output = Path.Combine(_root, "bad");
        (int exitCode, _, string[] errors) = arguments.Length > 0 ? Run(output, arguments) : Tool.Run("reproduce", "--output", output);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }

    private (int ExitCode, string[] Output, string[] Errors) Run(string output, string[] more) => ChildProcess.Run(Tool.Assembly, Arguments(output, more));

    private string[] Arguments(string output, string[] more) => ["reproduce", "--quick", "--dreambench", _photos, "--output", output, .. more];

    // All that is finished: the training's checkpoints are not, and the table is set anew each time.
    private static bool IsResult(string folder, string file)
    {
        string name = Path.GetRelativePath(folder, file);
        return !name.StartsWith("training", StringComparison.Ordinal) && !name.StartsWith("table", StringComparison.Ordinal)
            && !name.EndsWith(".partial.jsonl", StringComparison.Ordinal) && !name.EndsWith(".lock", StringComparison.Ordinal);
    }

    private static string[] Files(string folder)
        => [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(f => IsResult(folder, f)).Order(StringComparer.Ordinal)];

    private static IEnumerable<(string Name, string Bytes)> Contents(string folder)
        => Files(folder).Append(Path.Combine(folder, "table.md")).Append(Path.Combine(folder, "table.json"))
            .Select(f => (Path.GetRelativePath(folder, f), Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f)))));

    private static double Mean(string folder, string setting, string side, string metric)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "scores", setting, side, "scores.json")));
        return json.RootElement.GetProperty("metrics").GetProperty(metric).GetProperty("mean").GetDouble();
    }
}
