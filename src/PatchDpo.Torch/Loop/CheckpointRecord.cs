namespace PatchDpo.Torch.Loop;

/// <summary><c>training.json</c>: a checkpoint without its tensors.</summary>
/// <param name="Format">The version of this layout.</param>
/// <param name="Step">Steps that are done.</param>
/// <param name="Position">Rows of the data that they took, from the beginning of the endless stream of rows.</param>
/// <param name="Numbers">The loop's counters.</param>
/// <param name="Settings">What must be the same when the training goes on.</param>
/// <param name="Changeable">What was so at this step and may be another then.</param>
internal sealed record CheckpointRecord(
    int Format, int Step, long Position, IReadOnlyDictionary<string, long> Numbers, IReadOnlyDictionary<string, string> Settings,
    IReadOnlyDictionary<string, string> Changeable)
{
    /// <summary>The version that is written.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Reads and checks a record.</summary>
    /// <exception cref="TrainingStateException">It is not one, or one of another version.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static CheckpointRecord Read(string path)
    {
        CheckpointRecord record = StateFile.Read<CheckpointRecord>(path);
        return record.Format == CurrentFormat
            ? record
            : throw new TrainingStateException(path, $"the layout has version {record.Format}; this library reads version {CurrentFormat}.");
    }

    /// <summary>The record as a file has it.</summary>
    public byte[] ToBytes() => StateFile.ToBytes(this);

    /// <summary>What differs between these settings and others that the training is to go on with, a line each; empty: nothing.</summary>
    public IReadOnlyList<string> ChangesTo(IReadOnlyDictionary<string, string> settings) =>
    [
        .. Settings.Keys.Union(settings.Keys).Order(StringComparer.Ordinal)
            .Select(name => (Name: name, Was: Settings.GetValueOrDefault(name, "absent"), Is: settings.GetValueOrDefault(name, "absent")))
            .Where(c => c.Was != c.Is)
            .Select(c => $"{c.Name}: {c.Was}, now {c.Is}"),
    ];
}
