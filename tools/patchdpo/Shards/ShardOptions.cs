using System.CommandLine;
using System.Globalization;
using PatchDpo.Tool.Shared;

namespace PatchDpo.Tool.Shards;

/// <summary>The options of commands whose work is divided into shards.</summary>
internal sealed class ShardOptions
{
    /// <summary>The value that <c>merge</c> gives the option.</summary>
    public const string Merge = "merge";

    /// <summary>The option's name.</summary>
    public const string Name = "--shard";

    private readonly Option<string?> _shard = new(Name)
    {
        Description = "I/N: do the I-th of N shares of the work (I from 0) and leave the results in the output's folder 'shards', from which 'patchdpo merge' "
            + "makes the output when all are done. What is there is not done again, also with another N. Under mpirun each rank is a shard, and the first merges.",
    };

    // What one process has rounded otherwise than another does not stand in one file.
    private static readonly string[] Rounding = ["--device", "--dtype", "--batch"];

    private readonly RankOptions _ranks = new();

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_shard);
        _ranks.AddTo(command);
    }

    /// <summary>What this process does of the command.</summary>
    /// <exception cref="InputException">The shard is none, or named beside mpirun.</exception>
    public ShardPlan Read(ParseResult arguments) => new(Choice(arguments), CommandOf(arguments), ComputingOf(arguments));

    private ShardChoice? Choice(ParseResult arguments)
    {
        TimeSpan timeout = _ranks.Timeout(arguments);
        string? text = arguments.GetValue(_shard);
        if (text is null)
            return RankGroup.Launcher is { } launcher ? new ShardChoice(launcher.Rank, launcher.Size, true, timeout) : null;
        if (RankGroup.Launcher is not null)
            throw new InputException("--shard is for processes that nobody started together; under mpirun each rank is a shard.");
        if (text == Merge)
            return new ShardChoice(0, 0, false, timeout);
        string[] parts = text.Split('/');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int count) && index < count
            ? new ShardChoice(index, count, false, timeout)
            : throw new InputException($"'{text}' is no shard: give I/N with I from 0 to N - 1, as 0/8 for the first of eight.");
    }

    private static string[] CommandOf(ParseResult arguments)
    {
        string[] all = [.. arguments.Tokens.Select(t => t.Value)];
        int shard = Array.IndexOf(all, Name);
        return shard < 0 ? all : [.. all[..shard], .. all[(shard + 2)..]];
    }

    private static (string, string)[] ComputingOf(ParseResult arguments) =>
    [
        .. arguments.CommandResult.Command.Options.Where(o => Rounding.Contains(o.Name))
            .Select(o => (o.Name, Convert.ToString(arguments.GetValue<object>(o.Name), CultureInfo.InvariantCulture) ?? "")),
    ];
}
