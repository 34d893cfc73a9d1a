using System.CommandLine;
using System.Globalization;
using PatchDpo.Tool.Build;
using PatchDpo.Tool.Compare;
using PatchDpo.Tool.Evaluate;
using PatchDpo.Tool.Generate;
using PatchDpo.Tool.Inspect;
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
            new CompareCommand(), new ReproduceCommand(), new InspectCommand(),
        ],
        arguments, Console.Error);

    /// <summary>Runs one of some commands.</summary>
    /// <param name="commands">All that there are.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="errors">Where faults are told.</param>
    public static async Task<int> RunAsync(IReadOnlyList<Command> commands, IReadOnlyList<string> arguments, TextWriter errors)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var root = new RootCommand(
            "PatchDPO: scores, patch by patch, how faithful generated images are to their references, and fine-tunes generators with the scores.")
        {
            StackTrace,
        };
        foreach (Command command in commands)
            root.Subcommands.Add(command);
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
            return Ending.TellUsage(parsed, errors);
        using var signals = new StopSignals();
        try
        {
            // The signals are ours: System.CommandLine would end the process in the middle of a step.
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(configuration, signals.Token);
        }
        catch (Exception e)
        {
            return Ending.Tell(e, parsed.GetValue(StackTrace), errors);
        }
    }
}
