using System.Globalization;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Loop;

/// <summary>The folder that a training keeps its state in: a checkpoint is a folder in it, written under another name and renamed when it is whole.</summary>
/// <remarks>Whatever ends the process leaves the last checkpoint as it was; what it was writing has a name that the next one clears away.</remarks>
internal sealed class TrainingCheckpoints : IDisposable
{
    /// <summary>The tensors' file in a checkpoint.</summary>
    public const string TensorFile = "state.safetensors";

    /// <summary>The record's file in a checkpoint.</summary>
    public const string RecordFile = "training.json";

    /// <summary>The file in the best checkpoint that says why it is.</summary>
    public const string BestFile = "best.json";

    /// <summary>The file in the best checkpoint with what the training would give at its step.</summary>
    public const string ResultFile = "adapter.safetensors";

    private const string Prefix = "step-", BestPrefix = "best-", Unfinished = ".tmp";

    private readonly TrainingStateOptions _options;
    private readonly TrainingHeader _header;
    private readonly string _folder;
    private readonly FolderLock _lock;

    private TrainingCheckpoints(TrainingStateOptions options, TrainingHeader header, string folder)
    {
        (_options, _header, _folder) = (options, header, folder);
        Directory.CreateDirectory(folder);
        _lock = FolderLock.Take(folder, "trains with");
    }

    /// <summary>Opens a folder, or makes it, and keeps other processes out.</summary>
    /// <param name="options">Where, and how often it is written.</param>
    /// <param name="header">What the training is made of.</param>
    /// <exception cref="TrainingStateMismatchException">The training in it was begun otherwise.</exception>
    /// <exception cref="TrainingStateException">The last checkpoint is damaged.</exception>
    /// <exception cref="IOException">The folder cannot be written, or another process trains with it.</exception>
    public static TrainingCheckpoints Open(TrainingStateOptions options, TrainingHeader header)
    {
        var checkpoints = new TrainingCheckpoints(options, header, Path.GetFullPath(options.Folder));
        try
        {
            foreach (string left in new[] { Prefix, BestPrefix }.SelectMany(p => Checkpoints(checkpoints._folder, p))
                .Where(f => f.EndsWith(Unfinished, StringComparison.Ordinal)))
                Directory.Delete(left, recursive: true);
            if (LastRecord(options.Folder)?.ChangesTo(header.Settings) is { Count: > 0 } changes)
                throw new TrainingStateMismatchException(options.Folder, changes, [.. header.Changeable.Keys]);
            return checkpoints;
        }
        catch
        {
            checkpoints.Dispose();
            throw;
        }
    }

    /// <summary>The record of a folder's last checkpoint; null where there is none, or no such folder.</summary>
    /// <exception cref="TrainingStateException">It is damaged.</exception>
    public static CheckpointRecord? LastRecord(string folder)
        => LastStep(folder) is int step ? CheckpointRecord.Read(Path.Combine(FolderOf(folder, step), RecordFile)) : null;

    /// <summary>The step of a folder's last checkpoint; null where there is none, or no such folder.</summary>
    public static int? LastStep(string folder) => Steps(folder).Cast<int?>().Max();

    /// <summary>Brings a loop to the last checkpoint, where there is one.</summary>
    /// <exception cref="TrainingStateException">The checkpoint is damaged, or has more steps than the loop is to take.</exception>
    public void Restore(TrainingLoop loop)
    {
        if (LastStep(_folder) is not int step)
            return;
        string folder = FolderOf(_folder, step), tensors = Path.Combine(folder, TensorFile);
        CheckpointRecord record = CheckpointRecord.Read(Path.Combine(folder, RecordFile));
        if (record.Step > loop.MaxSteps)
            throw new TrainingStateException(folder, $"the training is at step {record.Step} already, but only {loop.MaxSteps} steps are asked for.");
        try
        {
            // Mapped: gigabytes of state are not held twice.
            using SafetensorsFile file = SafetensorsFile.Open(tensors, new SafetensorsOptions { MemoryMap = true });
            using var saved = new TrainingState(file.ReadAll(), record.Numbers);
            loop.Restore(saved);
        }
        catch (Exception e) when (e is WeightsFormatException or ArgumentException or FileNotFoundException)
        {
            throw new TrainingStateException(
                tensors, $"the checkpoint is damaged ({e.Message}). Remove the folder '{folder}' to go on from the one before, where there is one.", e);
        }
    }

    /// <summary>Writes a checkpoint where the loop's step calls for one.</summary>
    public void SaveIfDue(TrainingLoop loop)
    {
        if (loop.Steps % _options.Interval == 0 || loop.Steps == loop.MaxSteps)
            Save(loop);
    }

    /// <summary>Writes a checkpoint of the loop as it is, unless there is one, and removes those that are not to be kept.</summary>
    /// <exception cref="IOException">It cannot be written; the checkpoint before is whole.</exception>
    /// <exception cref="NonFiniteLossException">The loop's weights are not finite.</exception>
    public void Save(TrainingLoop loop)
    {
        string folder = FolderOf(_folder, loop.Steps);
        if (loop.Steps == 0 || Directory.Exists(folder))
            return;
        // Nothing can be gone on from weights that are not finite.
        loop.CheckWeights();
        WriteFolder(loop, folder);
        RemoveOld();
    }

    /// <summary>The best checkpoint by a measure; null where there is none, or one of another training or by another measure.</summary>
    /// <param name="measure">SHA-256 of what is measured, and with what.</param>
    /// <exception cref="TrainingStateException">It is damaged.</exception>
    public BestRecord? FindBest(string measure) =>
        // A killed process may have left two, the worse of which it was about to remove.
        Steps(_folder, BestPrefix).Select(step => FolderOf(_folder, step, BestPrefix))
            .Where(folder => CheckpointRecord.Read(Path.Combine(folder, RecordFile)).ChangesTo(_header.Settings).Count == 0)
            .Select(folder => StateFile.Read<BestRecord>(Path.Combine(folder, BestFile)))
            .Where(best => best.Measure == measure).OrderByDescending(best => best.Value).ThenBy(best => best.Step).FirstOrDefault();

    /// <summary>Parameters become what the training would have given at the best checkpoint's step.</summary>
    /// <param name="step">The best checkpoint's.</param>
    /// <param name="parameters">Under the names that the loop has them by.</param>
    /// <exception cref="TrainingStateException">It is damaged.</exception>
    public void CopyBestTo(int step, IEnumerable<(string Name, Parameter Value)> parameters)
    {
        string tensors = Path.Combine(FolderOf(_folder, step, BestPrefix), TensorFile);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(tensors, new SafetensorsOptions { MemoryMap = true });
            foreach ((string name, Parameter value) in parameters)
                value.copy_(file.Read(file.Contains(TrainingLoop.AverageOf(name)) ? TrainingLoop.AverageOf(name) : TrainingLoop.ValueOf(name)));
        }
        catch (Exception e) when (e is WeightsFormatException or FileNotFoundException)
        {
            throw new TrainingStateException(tensors, $"the best checkpoint is damaged ({e.Message}).", e);
        }
    }

    /// <summary>Writes a checkpoint of the loop as it is under the best one's name, and removes the one that was the best before.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="best">Why it is the best.</param>
    /// <param name="writeResult">Writes what the training would give at this step.</param>
    /// <exception cref="IOException">It cannot be written; the best before is whole.</exception>
    /// <exception cref="NonFiniteLossException">The loop's weights are not finite.</exception>
    public void SaveBest(TrainingLoop loop, BestRecord best, Action<Stream> writeResult)
    {
        loop.CheckWeights();
        // Only one of another training or measure can have the name.
        RemoveFolder(FolderOf(_folder, best.Step, BestPrefix));
        WriteFolder(loop, FolderOf(_folder, best.Step, BestPrefix), unfinished =>
        {
            Write(Path.Combine(unfinished, ResultFile), writeResult);
            Write(Path.Combine(unfinished, BestFile), stream => stream.Write(StateFile.ToBytes(best)));
        });
        foreach (int step in Steps(_folder, BestPrefix).Where(s => s != best.Step).ToArray())
            RemoveFolder(FolderOf(_folder, step, BestPrefix));
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private void WriteFolder(TrainingLoop loop, string folder, Action<string>? writeMore = null)
    {
        string unfinished = folder + Unfinished;
        try
        {
            Directory.CreateDirectory(unfinished);
            TrainingState state = loop.State;
            var record = new CheckpointRecord(
                CheckpointRecord.CurrentFormat, loop.Steps, loop.Steps * _header.RowsPerStep, state.Numbers, _header.Settings, _header.Changeable);
            Write(Path.Combine(unfinished, TensorFile), stream => SafetensorsWriter.Write(stream, state.Tensors));
            Write(Path.Combine(unfinished, RecordFile), stream => stream.Write(record.ToBytes()));
            writeMore?.Invoke(unfinished);
            Directory.Move(unfinished, folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (Directory.Exists(unfinished))
                Directory.Delete(unfinished, recursive: true);
            string last = LastStep(_folder) is int before ? $"the last one, of step {before}, is whole" : "there is none before it";
            throw new IOException($"The checkpoint of step {loop.Steps} could not be written into '{_folder}' ({e.Message}); {last}.", e);
        }
    }

    private void RemoveOld()
    {
        foreach (int step in Steps(_folder).OrderDescending().Skip(_options.KeepLast).Where(s => _options.KeepEvery is not int every || s % every != 0))
            RemoveFolder(FolderOf(_folder, step));
    }

    private static void RemoveFolder(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        // Renamed first: what a killed process leaves of it is no checkpoint.
        string removed = folder + Unfinished;
        Directory.Move(folder, removed);
        Directory.Delete(removed, recursive: true);
    }

    private static void Write(string path, Action<Stream> write)
    {
        using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
        write(stream);
        stream.Flush(flushToDisk: true);
    }

    private static IEnumerable<int> Steps(string folder, string prefix = Prefix)
    {
        if (!Directory.Exists(folder))
            yield break;
        foreach (string path in Checkpoints(folder, prefix))
        {
            if (int.TryParse(Path.GetFileName(path).AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int step))
                yield return step;
        }
    }

    // Finished or not.
    private static IEnumerable<string> Checkpoints(string folder, string prefix)
        => FolderFiles.Folders(folder).Where(f => Path.GetFileName(f).StartsWith(prefix, StringComparison.Ordinal));

    private static string FolderOf(string folder, int step, string prefix = Prefix)
        => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{prefix}{step:D8}"));
}
