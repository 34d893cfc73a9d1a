namespace PatchDpo.Torch.Training.Parallel;

/// <summary>Which rows of each batch are a process's: consecutive ones, as even as they can be.</summary>
/// <param name="Whole">Rows of a batch, over all processes.</param>
/// <param name="First">The process's first, from 0.</param>
/// <param name="Count">How many are its own, at least 1.</param>
internal readonly record struct RowShare(int Whole, int First, int Count)
{
    /// <summary>The share of a process.</summary>
    /// <param name="group">The processes; null: there is one.</param>
    /// <param name="batchSize">Rows that a process takes at once.</param>
    /// <param name="rows">Rows that there are: a batch has no more.</param>
    /// <exception cref="ArgumentException">There are fewer rows than processes.</exception>
    public static RowShare Of(IProcessGroup? group, int batchSize, int rows)
    {
        (int rank, int size) = (group?.Rank ?? 0, group?.Size ?? 1);
        if (rows < size)
            throw new ArgumentException($"{size} processes cannot train on {rows} pairs: each step gives every process one of its own. Start fewer.", nameof(rows));
        int whole = (int)Math.Min((long)batchSize * size, rows);
        int first = (int)((long)whole * rank / size);
        return new RowShare(whole, first, (int)((long)whole * (rank + 1) / size) - first);
    }
}
