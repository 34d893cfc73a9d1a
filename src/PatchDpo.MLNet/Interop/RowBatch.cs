using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>Rows that were read and are computed together, each with its result or with what went wrong with it.</summary>
/// <param name="mapping">Computes.</param>
/// <param name="first">The place of the first row.</param>
internal sealed class RowBatch<TInput, TOutput>(BatchedMapping<TInput, TOutput> mapping, long first)
{
    private readonly List<(DataViewRowId Id, TInput? Input, ExceptionDispatchInfo? Error)> _rows = [];
    private (TOutput? Output, ExceptionDispatchInfo? Error)[] _results = [];
    private Task _preparation = Task.CompletedTask;

    /// <summary>The place behind the last row.</summary>
    public long End => first + _rows.Count;

    /// <summary>How many rows there are.</summary>
    public int Count => _rows.Count;

    /// <summary>Whether a row is one of them.</summary>
    public bool Holds(long place) => place >= first && place < End;

    /// <summary>The keys of the images that are prepared for it; others are prepared for an earlier batch.</summary>
    public HashSet<UInt128> Keys { get; } = [];

    /// <summary>Adds a row.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="read">Reads it; what it throws is the row's result.</param>
    /// <returns>The row's images; none where it cannot be read.</returns>
    public IReadOnlyList<RowImage> Add(DataViewRowId id, Func<TInput> read)
    {
        try
        {
            TInput input = read();
            _rows.Add((id, input, null));
            return mapping.ImagesOf(input);
        }
        catch (Exception e)
        {
            _rows.Add((id, default, ExceptionDispatchInfo.Capture(e)));
            return [];
        }
    }

    /// <summary>Has workers prepare the images with <see cref="Keys"/>, each picture once.</summary>
    public void StartPreparing(CancellationToken cancellationToken)
    {
        Dictionary<UInt128, List<RowImage>> same = [];
        foreach (RowImage image in _rows.Where(r => r.Error is null).SelectMany(r => mapping.ImagesOf(r.Input!)).Where(i => Keys.Contains(i.Key)))
        {
            if (same.TryGetValue(image.Key, out List<RowImage>? others))
            {
                image.Share(others[0]);
                others.Add(image);
                continue;
            }
            same.Add(image.Key, [image]);
        }
        var options = new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount };
        _preparation = Task.Run(() => Parallel.ForEach(same.Values, options, Prepare), cancellationToken);
    }

    /// <summary>Waits until nobody works for it any more.</summary>
    public void AwaitPreparation()
    {
        try
        {
            _preparation.Wait();
        }
        catch (AggregateException e) when (e.InnerExceptions.All(inner => inner is OperationCanceledException))
        {
            // The cursor was disposed.
        }
    }

    /// <summary>Computes the rows from one on; earlier ones were skipped.</summary>
    /// <remarks>Where that fails, the rows are computed one by one, so that the error comes at the row that it belongs to, and at no other.</remarks>
    public void Compute(long from)
    {
        _results = new (TOutput?, ExceptionDispatchInfo?)[_rows.Count];
        int[] readable = [.. Enumerable.Range(0, _rows.Count).Where(i => first + i >= from && _rows[i].Error is null)];
        for (int i = 0; i < _rows.Count; i++)
            _results[i] = (default, _rows[i].Error);
        if (readable.Length == 0 || TryCompute(readable) || readable.Length == 1)
            return;
        foreach (int row in readable)
            TryCompute([row]);
    }

    /// <summary>A row's result, if it is the row that the other cursor is on.</summary>
    /// <exception cref="InvalidOperationException">It is another row.</exception>
    public TOutput Result(long place, DataViewRowId id)
    {
        int row = (int)(place - first);
        _results[row].Error?.Throw();
        return id.Equals(_rows[row].Id) ? _results[row].Output! : throw BatchedCursor<TInput, TOutput>.NotRepeatable();
    }

    private void Prepare(List<RowImage> same)
    {
        RowImage image = same[0];
        try
        {
            mapping.Prepare(image);
        }
        catch (Exception)
        {
            // Each row tells its own error when it is computed: there what is not prepared is read again.
            return;
        }
        foreach (RowImage other in same.Skip(1))
        {
            other.Share(image);
            other.Prepared = image.Prepared;
        }
    }

    /// <summary>Computes rows; where that fails and there is only one of them, what went wrong is its result.</summary>
    private bool TryCompute(int[] rows)
    {
        try
        {
            IReadOnlyList<TOutput> outputs = mapping.ComputeFrom([.. rows.Select(i => _rows[i].Input!)], i => first + rows[i]);
            foreach ((int i, int row) in rows.Index())
                _results[row] = (outputs[i], null);
            return true;
        }
        catch (Exception e) when (rows.Length == 1)
        {
            _results[rows[0]] = (default, ExceptionDispatchInfo.Capture(e));
            return false;
        }
        catch (Exception e) when (e is not ObjectDisposedException && !mapping.IsClosed)
        {
            return false;
        }
    }
}
