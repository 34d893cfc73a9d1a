using System.Diagnostics;
using PatchDpo.Tests;
using PatchDpo.Torch.Images;

namespace PatchDpo.Mpi.Tests;

/// <summary><c>mpirun patchdpo score</c> and <c>build</c>: ranks are shards, and the first one merges.</summary>
public sealed class ShardedCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Scores_of_ranks_are_those_of_one_process_byte_by_byte_and_are_not_computed_again()
    {
        Skip.If(MpiRun.WhyMissing is not null, MpiRun.WhyMissing);
        string[] score = Score(40);
        Assert.Equal(0, Finish(Program([.. score, "--output", _folder.File("one")])).ExitCode);
        (int exitCode, string output, string errors) = Finish(MpiRun.Prepare(2, Program([.. score, "--output", _folder.File("many")])));
        Assert.True(exitCode == 0, errors);
        Assert.Equal(1, output.Split("written to").Length - 1);
        AssertSame("scores.tsv", "worst-patches.tsv");
        long[] sizes = Sizes();
        // More ranks than before: nothing is left to do.
        Assert.Equal(0, Finish(MpiRun.Prepare(3, Program([.. score, "--output", _folder.File("many")]))).ExitCode);
        Assert.Equal(sizes.Sum(), Sizes().Sum());
        AssertSame("scores.tsv", "worst-patches.tsv");
    }

    [SkippableFact]
    public void A_data_set_of_ranks_is_that_of_one_process_byte_by_byte()
    {
        Skip.If(MpiRun.WhyMissing is not null, MpiRun.WhyMissing);
        string[] build = ["build", "--references", "2", "--generations", "1", "--steps", "2"];
        Assert.Equal(0, Finish(Program([.. build, "--output", _folder.File("one")])).ExitCode);
        (int exitCode, _, string errors) = Finish(MpiRun.Prepare(2, Program([.. build, "--output", _folder.File("many")])));
        Assert.True(exitCode == 0, errors);
        string[] files = [.. Directory.GetFiles(_folder.File("one"), "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(_folder.File("one"), f))];
        Assert.Equal(files.Order(StringComparer.Ordinal), Directory.GetFiles(_folder.File("many"), "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(_folder.File("many"), f)).Order(StringComparer.Ordinal));
        AssertSame(files);
    }

    [SkippableFact]
    public void A_rank_that_hangs_while_it_scores_is_named_and_what_is_done_is_not_done_again()
    {
        Skip.If(MpiRun.WhyMissing is not null, MpiRun.WhyMissing);
        string[] score = [.. Score(96), "--output", _folder.File("many")];
        using Process run = Process.Start(MpiRun.Prepare(2, Program([.. score, "--rank-timeout", "5"])))!;
        Task<string> output = run.StandardOutput.ReadToEndAsync(), errors = run.StandardError.ReadToEndAsync();
        string own = Path.Combine(_folder.File("many"), "shards", "shard-1-of-2.jsonl");
        // Its lock names no process; its command line does.
        while (!File.Exists(own) && !run.HasExited)
            Thread.Sleep(20);
        using (Process stop = Process.Start("kill", ["-STOP", Rank(run, 1)]))
            stop.WaitForExit();
        Assert.True(run.WaitForExit(TimeSpan.FromMinutes(2)));
        output.Wait();
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("error: Rank 1 did not answer within 5 s", errors.Result, StringComparison.Ordinal);
        long done = Sizes().Sum();
        // Without the short wait, in which a busy machine may finish no part.
        (int exitCode, _, string faults) = Finish(MpiRun.Prepare(2, Program(score)));
        Assert.True(exitCode == 0, faults);
        Assert.True(Sizes().Sum() >= done);
        Assert.Equal(6, Directory.GetFiles(Path.Combine(_folder.File("many"), "shards"), "shard-*.jsonl").Sum(f => File.ReadAllBytes(f).Count(b => b == (byte)'\n')));
    }

    private static string Rank(Process run, int rank)
    {
        foreach (string process in Directory.GetDirectories("/proc").Where(p => int.TryParse(Path.GetFileName(p), out _)))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(process, "stat")).Split(')')[^1].Split(' ')[2] == $"{run.Id}"
                    && File.ReadAllText(Path.Combine(process, "environ")).Split('\0').Contains($"OMPI_COMM_WORLD_RANK={rank}"))
                    return Path.GetFileName(process);
            }
            catch (IOException)
            {
                // It ended between the two looks.
            }
        }
        throw new InvalidOperationException($"Rank {rank} is not there.");
    }

    private string[] Score(int pairs)
    {
        foreach (string side in new[] { "generated", "references" })
        {
            Directory.CreateDirectory(_folder.File(side));
            for (int i = 0; i < pairs; i++)
                ImageFile.SavePng(Path.Combine(_folder.File(side), $"{i}.png"), TinyPersonalizedModel.Image(side[0] + i));
        }
        return ["score", "--generated", _folder.File("generated"), "--references", _folder.File("references"), "--encoder", "embedded", "--heat-maps", "0"];
    }

    private long[] Sizes() => [.. Directory.GetFiles(Path.Combine(_folder.File("many"), "shards"), "shard-*.jsonl").Select(f => new FileInfo(f).Length)];

    private void AssertSame(params string[] files)
    {
        foreach (string file in files)
            Assert.True(File.ReadAllBytes(Path.Combine(_folder.File("one"), file)).AsSpan().SequenceEqual(
                File.ReadAllBytes(Path.Combine(_folder.File("many"), file))), file);
    }

    private static ProcessStartInfo Program(string[] arguments)
    {
        ProcessStartInfo start = ChildProcess.Prepare(AppContext.BaseDirectory, "patchdpo", arguments);
        start.Environment["OMP_NUM_THREADS"] = "1";
        return start;
    }

    private static (int ExitCode, string Output, string Errors) Finish(ProcessStartInfo start) => ChildProcess.RunText(start);
}
