using System.CommandLine;
using System.Diagnostics;
using PatchDpo.Tests;

namespace PatchDpo.Stress;

/// <summary>Kills a training over and over and compares what it ends with.</summary>
internal static class KilledTrainingCommand
{
    private const string Name = "resume";

    public static Command Create()
    {
        Option<int> kills = new("--kills") { Description = "How often the training is killed.", DefaultValueFactory = _ => 1000 };
        Option<int> seed = new("--seed") { Description = "Decides the moments.", DefaultValueFactory = _ => 1 };
        Option<string[]> child = new("--child") { Hidden = true, AllowMultipleArgumentsPerToken = true };
        var command = new Command(Name, "Kills a training (SIGKILL) at random moments, resumes it each time, and compares its layers with those of one that "
            + "was not killed. Exit code 1: other bits, or a life that failed.") { kills, seed, child };
        command.SetAction(result =>
        {
            if (result.GetValue(child) is { Length: > 0 } arguments)
                KilledTraining.Train(arguments);
            else
                Run(result.GetValue(kills), result.GetValue(seed));
        });
        return command;
    }

    private static void Run(int kills, int seed)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-resume-");
        try
        {
            var clock = Stopwatch.StartNew();
            new KilledTraining(Start).Compare(folder.FullName, kills, seed, Console.WriteLine);
            Console.WriteLine($"{kills} kills, {clock.Elapsed.TotalSeconds:F0} s: the same bits");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Process Start(string[] arguments) => Process.Start(Self.Prepare([Name, "--child", .. arguments]))!;
}
