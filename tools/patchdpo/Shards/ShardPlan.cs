namespace PatchDpo.Tool.Shards;

/// <summary>What of a command's work this process does, and which command it is.</summary>
/// <param name="Shard">What it does; null: everything.</param>
/// <param name="Command">The command line, without the shard.</param>
/// <param name="Computing">The options that decide how numbers are rounded, by name.</param>
internal sealed record ShardPlan(ShardChoice? Shard, IReadOnlyList<string> Command, IReadOnlyList<(string Name, string Value)> Computing)
{
    /// <summary>Everything, whatever the command.</summary>
    public static ShardPlan Whole { get; } = new(null, [], []);
}
