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
        Option<int> kills = new("--kills") { Description = "How many processes are killed in all.", DefaultValueFactory = _ => 1000 };
        Option<int> trainings = new("--trainings") { Description = "How many trainings share the kills, at the same time.", DefaultValueFactory = _ => 4 };
        Option<int> seed = new("--seed") { Description = "Decides the moments.", DefaultValueFactory = _ => 1 };
        Option<string[]> child = new("--child") { Hidden = true, AllowMultipleArgumentsPerToken = true };
        var command = new Command(Name, "Kills trainings (SIGKILL) at random moments, resumes them each time, and compares their layers with those of one that "
            + "was not killed. Exit code 1: other bits, or a life that failed.") { kills, trainings, seed, child };
        command.SetAction(result =>
        {
            if (result.GetValue(child) is { Length: > 0 } arguments)
                KilledTraining.Train(arguments);
            else
                Run(result.GetValue(kills), result.GetValue(trainings), result.GetValue(seed));
        });
        return command;
    }

    private static void Run(int kills, int trainings, int seed)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-resume-");
        try
        {
            var clock = Stopwatch.StartNew();
            new KilledTraining(Start).Compare(folder.FullName, kills, trainings, seed, Console.WriteLine);
            Console.WriteLine($"{kills} kills, {clock.Elapsed.TotalSeconds:F0} s: the same bits");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Process Start(string[] arguments)
    {
        ProcessStartInfo start = Self.Prepare([Name, "--child", .. arguments]);
        foreach ((string name, string value) in KilledTraining.Environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
