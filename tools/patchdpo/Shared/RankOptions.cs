using System.CommandLine;
using PatchDpo.Mpi;

namespace PatchDpo.Tool.Shared;

/// <summary>The option of commands whose processes compute together.</summary>
internal sealed class RankOptions
{
    private readonly Option<double> _timeout = new("--rank-timeout")
    {
        Description = "Under mpirun: how many seconds a rank waits for the others before the run ends with an error that names who is missing. It must be "
            + "longer than a probe or a checkpoint takes.",
        DefaultValueFactory = _ => MpiProcessGroup.DefaultTimeout.TotalSeconds,
    };

    /// <summary>Adds it to a command.</summary>
    public void AddTo(Command command) => command.Add(_timeout);

    /// <summary>Joins the processes that were started together; null where this one is alone.</summary>
    /// <exception cref="InputException">The time is none.</exception>
    public MpiProcessGroup? Join(ParseResult arguments) => RankGroup.Join(Timeout(arguments));

    /// <summary>How long ranks wait for each other.</summary>
    /// <exception cref="InputException">The time is none.</exception>
    public TimeSpan Timeout(ParseResult arguments)
        => arguments.GetValue(_timeout) is >= 1 and <= int.MaxValue and double seconds ? TimeSpan.FromSeconds(seconds)
            : throw new InputException("--rank-timeout must be at least 1 second.");
}
