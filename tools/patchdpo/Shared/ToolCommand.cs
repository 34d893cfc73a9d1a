using System.CommandLine;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Shared;

/// <summary>A command of the program: its constructor declares the options.</summary>
internal abstract class ToolCommand : Command
{
    protected ToolCommand(string name, string description) : base(name, description)
        => SetAction((arguments, cancellationToken) => RunAsync(this, Run, arguments, cancellationToken));

    /// <summary>What is said when a signal has stopped it.</summary>
    protected virtual string StoppedMessage => "Stopped; nothing is written.";

    /// <summary>Whether the processes that an MPI launcher started do it together.</summary>
    public virtual bool RunsOnRanks => false;

    /// <summary>Does it.</summary>
    /// <returns>The exit code.</returns>
    protected abstract int Run(ParseResult arguments, CancellationToken cancellationToken);

    /// <summary>Adds an option without a default.</summary>
    protected Option<T> Declare<T>(string name, string description) => Added(new Option<T>(name) { Description = description });

    /// <summary>Adds an option with a default.</summary>
    protected Option<T> Declare<T>(string name, string description, T defaultValue)
        => Added(new Option<T>(name) { Description = description, DefaultValueFactory = _ => defaultValue });

    /// <summary>Adds an option that has to be given.</summary>
    protected Option<T> DeclareRequired<T>(string name, string description) => Added(new Option<T>(name) { Description = description, Required = true });

    /// <summary>Adds an argument.</summary>
    protected Argument<T> DeclareArgument<T>(string name, string description)
    {
        var argument = new Argument<T>(name) { Description = description };
        Add(argument);
        return argument;
    }

    /// <summary>Adds the option that chooses what images are written as.</summary>
    protected Option<string> DeclareFormat(string description)
    {
        Option<string> option = Declare("--format", description, "png");
        option.AcceptOnlyFromAmong([.. ImageFormats.WrittenNames]);
        return option;
    }

    /// <summary>Gives a command below this one an action that ends as this one's does.</summary>
    protected void SetAction(Command below, Func<ParseResult, CancellationToken, int> run)
        => below.SetAction((arguments, cancellationToken) => RunAsync(this, run, arguments, cancellationToken));

    private Option<T> Added<T>(Option<T> option)
    {
        Add(option);
        return option;
    }

    private static Task<int> RunAsync(
        ToolCommand command, Func<ParseResult, CancellationToken, int> run, ParseResult arguments, CancellationToken cancellationToken)
        => Task.Run(() =>
        {
            try
            {
                return run(arguments, cancellationToken);
            }
            // Also where another rank was asked to stop.
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested || RankGroup.Launcher is not null)
            {
                Console.Error.WriteLine(command.StoppedMessage);
                return Ending.Stopped;
            }
        }, CancellationToken.None);
}
