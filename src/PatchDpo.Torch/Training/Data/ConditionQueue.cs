using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>Images or prompts of one kind that wait to be encoded together, eight at a time, unless the store has them.</summary>
/// <typeparam name="T">What is encoded.</typeparam>
/// <param name="store">Where it goes.</param>
/// <param name="kind">The kind.</param>
/// <param name="encode">Encodes N of them: a row each, by the tensors' names, in the current dispose scope.</param>
/// <param name="cancellationToken">Looked at before anything is encoded.</param>
/// <param name="isExact">Which of the tensors must not be rounded, by name; null: none.</param>
/// <remarks>
/// Chunks are cut by what is missing, in the order of the data: a preparation that was killed and is done again encodes the same images together, because
/// a number's last bits depend on that.
/// </remarks>
internal sealed class ConditionQueue<T>(
    ConditionStore store, string kind, Func<T[], IEnumerable<KeyValuePair<string, Tensor>>> encode, CancellationToken cancellationToken,
    Func<string, bool>? isExact = null)
{
    // Encoded together; a matter of memory alone.
    private const int ChunkSize = 8;

    // Chunks that other processes encode, kept in case they do not live to finish them.
    private const int MaxElsewhere = 32;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Queue<Entry[]> _elsewhere = new();
    private readonly HashSet<UInt128> _waiting = [];
    private List<Entry> _open = [];

    /// <summary>Adds one, unless it is stored or waits already.</summary>
    /// <param name="content">Which one it is.</param>
    /// <param name="item">The thing itself.</param>
    /// <param name="what">What it is, for messages: "the reference".</param>
    /// <param name="pair">The first pair that has it.</param>
    public void Add(UInt128 content, T item, string what, int pair)
    {
        if (store.Contains(kind, content) || !_waiting.Add(content))
            return;
        _open.Add(new Entry(content, item, what, pair));
        if (_open.Count == ChunkSize)
            Close();
    }

    /// <summary>Encodes what has been added, but for what another process encodes.</summary>
    public void Close()
    {
        if (_open.Count == 0)
            return;
        Entry[] chunk = [.. _open];
        _open = [];
        if (TryEncode(chunk))
            return;
        _elsewhere.Enqueue(chunk);
        while (_elsewhere.Count > MaxElsewhere)
            WaitForFirst();
    }

    /// <summary>Has everything that was added in the store; waits for other processes, and encodes what they do not.</summary>
    public void Finish()
    {
        Close();
        while (_elsewhere.Count > 0)
            WaitForFirst();
    }

    private void WaitForFirst()
    {
        Entry[] chunk = _elsewhere.Peek();
        while (!TryEncode(chunk))
        {
            // Others may wait for what this process has not written yet.
            store.Flush();
            if (cancellationToken.WaitHandle.WaitOne(Pause))
                cancellationToken.ThrowIfCancellationRequested();
        }
        _elsewhere.Dequeue();
    }

    /// <summary>Has a chunk in the store; false where another process encodes it.</summary>
    private bool TryEncode(Entry[] chunk)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!store.TryClaim(kind, [.. chunk.Select(e => e.Content)]))
            return false;
        // Another process may have done it before it was claimed.
        store.Refresh();
        Entry[] missing = [.. chunk.Where(e => !store.Contains(kind, e.Content))];
        if (missing.Length > 0)
        {
            using DisposeScope scope = NewDisposeScope();
            store.Add(kind, [.. missing.Select(e => e.Content)], FiniteOutput.Renamed(
                () => encode([.. missing.Select(e => e.Item)]), i => ($"{missing[i].What} of pair {missing[i].Pair}", missing[i].Pair)),
                isExact);
        }
        foreach (Entry entry in chunk)
            _waiting.Remove(entry.Content);
        return true;
    }

    private sealed record Entry(UInt128 Content, T Item, string What, int Pair);
}
