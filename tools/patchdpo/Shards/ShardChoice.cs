namespace PatchDpo.Tool.Shards;

/// <summary>What of a command's work this process does.</summary>
/// <param name="Index">Its shard, from 0.</param>
/// <param name="Count">How many shards there are; 0: none is computed, what others have computed is merged.</param>
/// <param name="IsRank">Whether mpirun started all shards together: they wait for each other, and the first one merges.</param>
/// <param name="Timeout">How long ranks wait while none of them finishes a part.</param>
internal sealed record ShardChoice(int Index, int Count, bool IsRank, TimeSpan Timeout)
{
    /// <summary>Whether this process computes nothing and merges.</summary>
    public bool Merges => Count == 0;

    /// <summary>Whose a part is: always the same one's, so that shards that start at different times do not meet.</summary>
    public int OwnerOf(int part) => part % Count;
}
