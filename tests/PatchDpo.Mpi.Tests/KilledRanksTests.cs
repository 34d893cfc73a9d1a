using PatchDpo.Tests;
using Xunit.Abstractions;

namespace PatchDpo.Mpi.Tests;

public sealed class KilledRanksTests(ITestOutputHelper output)
{
    // PatchDpo.Stress does a hundred.
    private const int Kills = 5;

    [SkippableFact]
    public void A_training_whose_ranks_die_and_hang_ends_in_time_names_them_and_goes_on_from_whole_checkpoints()
    {
        Skip.If(MpiRun.WhyMissing is not null, MpiRun.WhyMissing);
        using var folder = new TemporaryFolder();
        new KilledRanks(2, arguments => ChildProcess.PrepareSelf([RankProgram.Train, .. arguments]))
            .Compare(folder.File("training"), Kills, seed: 1, output.WriteLine);
    }
}
