using System.CommandLine;
using System.Globalization;
using PatchDpo.Tool.Build;
using PatchDpo.Tool.Compare;
using PatchDpo.Tool.Evaluate;
using PatchDpo.Tool.Generate;
using PatchDpo.Tool.Inspect;
using PatchDpo.Tool.Merge;
using PatchDpo.Tool.Reproduce;
using PatchDpo.Tool.Score;
using PatchDpo.Tool.Shared;
using PatchDpo.Tool.Train;
using PatchDpo.Tool.TrainEncoder;

namespace PatchDpo.Tool;

/// <summary>The commands, and the one ending that they share.</summary>
internal static class ToolProgram
{
    private static readonly Option<bool> StackTrace = new("--stack-trace")
    {
        Description = "Show where an error comes from, below its line.",
        Recursive = true,
    };

    /// <summary>Runs one command.</summary>
    /// <param name="arguments">The command line.</param>
    /// <returns>An exit code of <see cref="Ending"/>.</returns>
    public static Task<int> RunAsync(IReadOnlyList<string> arguments) => RunAsync(
        [
            new GenerateCommand(), new ScoreCommand(), new BuildCommand(), new TrainCommand(), new TrainEncoderCommand(), new EvaluateCommand(),
            new CompareCommand(), new MergeCommand(), new ReproduceCommand(), new InspectCommand(),
        ],
        arguments, Console.Error);

    /// <summary>Runs one of some commands.</summary>
    /// <param name="commands">All that there are.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="errors">Where faults are told.</param>
    public static async Task<int> RunAsync(IReadOnlyList<Command> commands, IReadOnlyList<string> arguments, TextWriter errors)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        // mpirun gives its processes a terminal, to which .NET would say how it wants its keys, in the middle of what is printed.
        if (RankGroup.Launcher is not null)
            Environment.SetEnvironmentVariable("TERM", "dumb");
        var root = new RootCommand(
            "PatchDPO: scores, patch by patch, how faithful generated images are to their references, and fine-tunes generators with the scores.")
        {
            StackTrace,
        };
        foreach (Command command in commands)
            root.Subcommands.Add(command);
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
            return RankGroup.Fail(() => Ending.TellUsage(parsed, errors), errors);
        using var signals = new StopSignals();
        try
        {
            if (RankGroup.Launcher is { } launcher && parsed.CommandResult.Command is not ToolCommand { RunsOnRanks: true })
                throw new InputException($"'{parsed.CommandResult.Command.Name}' runs as one process, but mpirun started {launcher.Size}.");
            if (!RankGroup.IsFirst)
            {
                Console.SetOut(TextWriter.Null);
                Console.SetError(TextWriter.Null);
            }
            // The signals are ours: System.CommandLine would end the process in the middle of a step.
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            int code = await parsed.InvokeAsync(configuration, signals.Token);
            if (code == Ending.Done)
                RankGroup.Complete();
            return code;
        }
        catch (Exception e)
        {
            return RankGroup.Fail(() => Ending.Tell(e, parsed.GetValue(StackTrace), errors), errors);
        }
    }
}
