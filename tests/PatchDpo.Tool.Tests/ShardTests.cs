using PatchDpo.Tests;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Tests;

/// <summary>Shards of score, evaluate and build (<c>--shard</c>, <c>merge</c>), run as their users run them.</summary>
public sealed class ShardTests : IDisposable
{
    // Three parts of 16, 16 and 8.
    private const int Pairs = 40;

    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-shards-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Merged_scores_are_those_of_one_process_byte_by_byte()
    {
        string[] score = Score();
        Run([.. score, "--output", At("one")]);
        // In no order.
        Run([.. score, "--output", At("many"), "--shard", "1/2"]);
        AssertRefused("has 1 of 3 parts", "merge", At("many"));
        Run([.. score, "--output", At("many"), "--shard", "0/2"]);
        Assert.Equal(["shards"], Names(At("many")));
        Run("merge", At("many"));
        AssertSameFiles("one", "many", ["scores.tsv", "worst-patches.tsv", .. Names(At("one", "heat-maps")).Select(n => "heat-maps/" + n)]);
    }

    [Fact]
    public void A_restart_does_what_is_missing_and_nothing_twice_also_with_another_number_of_shards()
    {
        string[] score = [.. Score(), "--heat-maps", "0"];
        Run([.. score, "--output", At("one")]);
        Run([.. score, "--output", At("many"), "--shard", "0/3"]);
        // As a process leaves it that was killed while it wrote.
        string first = At("many", "shards", "shard-0-of-3.jsonl");
        byte[] done = File.ReadAllBytes(first);
        File.AppendAllText(first, "{\"Part\":1,\"Result\":[{\"Sco");
        Run([.. score, "--output", At("many"), "--shard", "0/2"]);
        Run([.. score, "--output", At("many"), "--shard", "1/2"]);
        Assert.Equal(done, File.ReadAllBytes(first)[..done.Length]);
        // Part 0 was done by 0/3, 1 by 1/2 and 2 by 0/2.
        Assert.Equal([1, 1, 1], new[] { "0-of-3", "0-of-2", "1-of-2" }.Select(s => File.ReadAllBytes(At("many", "shards", $"shard-{s}.jsonl")).Count(b => b == '\n')));
        Run("merge", At("many"));
        AssertSameFiles("one", "many", ["scores.tsv", "worst-patches.tsv"]);
        // Its own torn line is cut off by the shard that left it.
        Run([.. score, "--output", At("many"), "--shard", "0/3"]);
        Assert.Equal(done, File.ReadAllBytes(first));
    }

    [Fact]
    public void Shards_of_other_work_a_damaged_line_and_no_shard_at_all_are_told()
    {
        string[] score = Score();
        Run([.. score, "--output", At("many"), "--shard", "0/2"]);
        AssertRefused("(--worst: 3, here 5)", [.. score, "--output", At("many"), "--worst", "5", "--shard", "1/2"]);
        File.WriteAllBytes(At("generated", "0.png"), File.ReadAllBytes(At("generated", "1.png")).Append((byte)0).ToArray());
        AssertRefused("SHA-256 of pairs: ", [.. score, "--output", At("many"), "--shard", "1/2"]);
        foreach (string shard in new[] { "2/2", "-1/2", "1", "a/b", "1/2/3" })
            AssertRefused("is no shard", [.. score, "--output", At("many"), $"--shard={shard}"]);
        AssertRefused("no shard has worked here", "merge", At("generated"));
    }

    [Fact]
    public void A_damaged_line_is_named()
    {
        string[] score = Score();
        Run([.. score, "--output", At("many"), "--shard", "0/1"]);
        File.WriteAllText(At("many", "shards", "shard-7-of-8.jsonl"), "nothing of ours\n");
        AssertRefused("shard-7-of-8.jsonl', byte 0: the line is no result of a shard", "merge", At("many"));
    }

    [Fact]
    public void Merged_evaluations_are_those_of_one_process_byte_by_byte()
    {
        for (int subject = 0; subject < 2; subject++)
        {
            for (int i = 0; i < 2; i++)
                Write(20 + (2 * subject) + i, "photos", $"subject {subject}", $"{i}.png");
            for (int i = 0; i < 3 + subject; i++)
                Write((10 * subject) + i, "images", $"subject {subject}", $"a thing in the place {i}.png");
        }
        string[] evaluate = ["evaluate", At("images"), "--subjects", At("photos"), "--embedded"];
        Run([.. evaluate, "--output", At("one")]);
        for (int shard = 0; shard < 3; shard++)
            Run([.. evaluate, "--output", At("many"), "--shard", $"{shard}/3"]);
        AssertRefused("--batch: 16, here 2; --dtype: float32, here bfloat16",
            [.. evaluate, "--output", At("many"), "--shard", "0/3", "--batch", "2", "--dtype", "bfloat16"]);
        Run("merge", At("many"));
        AssertSameFiles("one", "many", ["scores.json", "scores.tsv"]);
    }

    [Fact]
    public void Merged_evaluations_of_several_objects_are_those_of_one_process_byte_by_byte()
    {
        string data = Concept101Data.Write(At("data"), (path, o, i) => ImageFile.SavePng(path, TinyPersonalizedModel.Image((10 * o) + i)));
        for (int c = 0; c < 2; c++)
            for (int p = 0; p < 2; p++)
                Write((10 * c) + p, "images", Concept101Data.Generation(c, p));
        string[] evaluate = ["evaluate", At("images"), "--benchmark", "concept101", "--concept101", data, "--embedded"];
        Run([.. evaluate, "--output", At("one")]);
        for (int shard = 0; shard < 2; shard++)
            Run([.. evaluate, "--output", At("many"), "--shard", $"{shard}/2"]);
        Run("merge", At("many"));
        AssertSameFiles("one", "many", ["scores.json", "scores.tsv"]);
    }

    [Fact]
    public void A_data_set_that_shards_drew_is_that_of_one_process_byte_by_byte()
    {
        string[] build = ["build", "--references", "3", "--generations", "1", "--steps", "2"];
        Run([.. build, "--output", At("one")]);
        Run([.. build, "--output", At("many"), "--shard", "1/2"]);
        AssertRefused("begun otherwise", [.. build, "--seed", "7", "--output", At("many"), "--shard", "0/2"]);
        // Another number of shards goes on.
        Run([.. build, "--output", At("many"), "--shard", "0/3"]);
        Run("merge", At("many"));
        AssertSameFiles("one", "many", Files("one"));
        Assert.Equal(Files("one"), Files("many"));
    }

    private string[] Score()
    {
        for (int i = 0; i < Pairs; i++)
        {
            Write(i, "generated", $"{i}.png");
            Write(100 + (i / 3), "references", $"{i}.png");
        }
        return ["score", "--generated", At("generated"), "--references", At("references"), "--encoder", "embedded"];
    }

    private string[] Files(string folder) => [.. Directory.GetFiles(At(folder), "*", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(At(folder), f)).Order(StringComparer.Ordinal)];

    private static string[] Names(string folder) => [.. Directory.GetFileSystemEntries(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private void AssertSameFiles(string one, string many, string[] files)
    {
        Assert.NotEmpty(files);
        foreach (string file in files)
            Assert.True(File.ReadAllBytes(At(one, file)).AsSpan().SequenceEqual(File.ReadAllBytes(At(many, file))), file);
    }

    private static void Run(params string[] arguments)
    {
        (int exitCode, _, string[] errors) = Tool.Run(arguments[0], arguments[1..]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
    }

    private static void AssertRefused(string message, params string[] arguments)
    {
        (int exitCode, _, string[] errors) = Tool.Run(arguments[0], arguments[1..]);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, Assert.Single(errors), StringComparison.Ordinal);
    }

    private void Write(int image, params string[] path)
    {
        string file = At(path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        ImageFile.SavePng(file, TinyPersonalizedModel.Image(image));
    }

    private string At(params string[] path) => Path.Combine([_root, .. path]);
}
