using System.CommandLine;
using System.Diagnostics;
using PatchDpo.Tests;

namespace PatchDpo.Stress;

/// <summary>Kills and stops ranks of a training over and over and compares what it ends with.</summary>
internal static class KilledRanksCommand
{
    private const string Name = "ranks";

    public static Command Create()
    {
        Option<int> kills = new("--kills") { Description = "How often a rank is killed or stopped.", DefaultValueFactory = _ => 100 };
        Option<int> size = new("--ranks") { Description = "How many ranks train.", DefaultValueFactory = _ => 2 };
        Option<int> seed = new("--seed") { Description = "Decides the moments and the ranks.", DefaultValueFactory = _ => 1 };
        Option<string[]> child = new("--child") { Hidden = true, AllowMultipleArgumentsPerToken = true };
        var command = new Command(Name, "Kills (SIGKILL) or stops (SIGSTOP) a random rank of a training under mpirun at random moments; each run must end in time "
            + "with an error that names the rank, and the next goes on from its last checkpoint. Compares the layers with those of a training without a fault. "
            + "Exit code 1: a run that did not end, an error without a rank, or other bits.") { kills, size, seed, child };
        command.SetAction(result =>
        {
            if (result.GetValue(child) is { Length: > 0 } arguments)
                return KilledRanks.Train(arguments);
            if (MpiRun.WhyMissing is string missing)
            {
                Console.Error.WriteLine(missing);
                return 2;
            }
            Run(result.GetValue(size), result.GetValue(kills), result.GetValue(seed));
            return 0;
        });
        return command;
    }

    private static void Run(int ranks, int kills, int seed)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-ranks-");
        try
        {
            var clock = Stopwatch.StartNew();
            new KilledRanks(ranks, arguments => Self.Prepare([Name, "--child", .. arguments])).Compare(folder.FullName, kills, seed, Console.WriteLine);
            Console.WriteLine($"{kills} faults on {ranks} ranks, {clock.Elapsed.TotalSeconds:F0} s: every run ended in time and named its rank, and the layers have the same bits");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
