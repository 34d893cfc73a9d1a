using System.Diagnostics;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Mpi.Tests;

public sealed class MpiProcessGroupTests
{
    // A rank waits two seconds, the roll call lasts five, and starting .NET takes a while on a busy machine.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public void A_process_without_a_launcher_is_a_world_of_one_and_loads_no_MPI()
    {
        TorchRuntime.Initialize();
        using MpiProcessGroup group = MpiProcessGroup.Join(), again = MpiProcessGroup.Join();
        Assert.Equal((0, 1, 0), (group.Rank, group.Size, group.LocalRank));
        using DisposeScope scope = NewDisposeScope();
        Tensor values = tensor(new[] { 1f, 2 });
        group.AllReduce(values);
        group.Broadcast(values, 0);
        group.Barrier();
        group.Abort(1);
        Assert.Equal([1f, 2], values.data<float>().ToArray());
        Assert.Throws<ArgumentException>(() => group.AllReduce(values.to(ScalarType.BFloat16)));
        Assert.Throws<ArgumentException>(() => group.AllReduce(zeros(2, 3).t()));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Broadcast(values, 1));
        group.Complete();
        Assert.Throws<ObjectDisposedException>(group.Barrier);
        if (OperatingSystem.IsLinux())
            Assert.DoesNotContain("libmpi", File.ReadAllText("/proc/self/maps"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_time_of_less_than_a_second_is_refused()
        => Assert.Throws<ArgumentOutOfRangeException>(() => MpiProcessGroup.Join(TimeSpan.FromMilliseconds(10)));

    [SkippableTheory]
    [InlineData(2)]
    [InlineData(3)]
    public void Ranks_sum_broadcast_and_meet(int ranks)
    {
        (int exitCode, string output, string errors, _) = Run(ranks, RankProgram.Collectives);
        Assert.True(exitCode == 0, errors);
        Assert.Equal(Enumerable.Range(0, ranks).Select(r => $"rank {r} of {ranks}, local {r}"),
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [SkippableTheory]
    [InlineData(3, 0)]
    [InlineData(3, 1)]
    [InlineData(2, 1)]
    public void A_rank_that_hangs_is_named_by_those_that_wait_for_it(int ranks, int rank)
    {
        (int exitCode, _, string errors, TimeSpan time) = Run(ranks, RankProgram.Hang, $"{rank}");
        Assert.NotEqual(0, exitCode);
        Assert.Contains($"Rank {rank} did not answer within 2 s", errors, StringComparison.Ordinal);
        Assert.True(time < Limit, $"{time}");
    }

    [SkippableTheory]
    [InlineData(RankProgram.Die, 0)]
    [InlineData(RankProgram.Die, 1)]
    [InlineData(RankProgram.Quit, 1)]
    public void A_rank_that_ends_before_its_work_is_done_ends_the_run_which_names_it(string how, int rank)
    {
        (int exitCode, _, string errors, TimeSpan time) = Run(2, how, $"{rank}");
        Assert.NotEqual(0, exitCode);
        Assert.Matches($@"[Rr]ank:? {rank}\b|,{rank}\]", errors);
        Assert.True(time < Limit, $"{time}");
    }

    [SkippableFact]
    public void A_process_joins_once()
    {
        (int exitCode, _, string errors, _) = Run(2, RankProgram.Twice);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("has joined its group already", errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Ranks_of_another_MPIs_launcher_are_refused()
    {
        Skip.If(MpiRun.WhyMissing is not null, MpiRun.WhyMissing);
        // As MPICH's mpiexec starts a process, which Open MPI takes for one of its own that is alone.
        ProcessStartInfo start = ChildProcess.PrepareSelf(RankProgram.Collectives);
        (start.Environment["PMI_RANK"], start.Environment["PMI_SIZE"]) = ("1", "2");
        (start.Environment["OMPI_ALLOW_RUN_AS_ROOT"], start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"]) = ("1", "1");
        (int exitCode, _, string errors) = ChildProcess.RunText(start);
        Assert.Equal(7, exitCode);
        Assert.Contains("The launcher says that this is rank 1 of 2, Open MPI that it is rank 0 of 1", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MPICH Version:\t4.0.2\nMPICH Release date: 2022", "MPICH Version 4.0.2")]
    [InlineData("Intel(R) MPI Library 2021.9 for Linux* OS", "Intel(R) MPI Library 2021.9 for Linux* OS")]
    public void Another_MPI_is_refused_by_name(string version, string name)
        => Assert.Contains($"'{name}'", Assert.Throws<MpiException>(() => OpenMpi.RequireOpenMpi(version)).Message, StringComparison.Ordinal);

    [Fact]
    public void Open_MPI_is_taken() => OpenMpi.RequireOpenMpi("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4");

    [SkippableFact]
    public void The_page_of_errors_has_the_packages_exceptions_which_have_the_librarys_base()
    {
        DirectoryInfo? repository = new(AppContext.BaseDirectory);
        while (repository is not null && !File.Exists(Path.Combine(repository.FullName, "PatchDpo.sln")))
            repository = repository.Parent;
        Skip.If(repository is null, "The repository's documents are not here.");
        string page = File.ReadAllText(Path.Combine(repository.FullName, "docs", "errors.md"));
        Type[] exceptions = [.. typeof(MpiException).Assembly.GetExportedTypes().Where(t => t.IsSubclassOf(typeof(Exception)))];
        Assert.NotEmpty(exceptions);
        Assert.All(exceptions, e => Assert.Contains($"\n| `{e.Name}` ", page, StringComparison.Ordinal));
        Assert.All(exceptions, e => Assert.True(e.IsSubclassOf(typeof(PatchDpoException)), e.Name));
    }

    private static (int ExitCode, string Output, string Errors, TimeSpan Time) Run(int ranks, params string[] arguments)
    {
        Skip.If(MpiRun.WhyMissing is not null, MpiRun.WhyMissing);
        var clock = Stopwatch.StartNew();
        (int exitCode, string output, string errors) = ChildProcess.RunText(MpiRun.Prepare(ranks, ChildProcess.PrepareSelf(arguments)));
        return (exitCode, output, errors, clock.Elapsed);
    }
}
