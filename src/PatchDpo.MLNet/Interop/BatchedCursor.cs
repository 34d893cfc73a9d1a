using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>A cursor over two of its source: one serves the columns passed through, the other runs ahead and fills batches.</summary>
/// <remarks>
/// <para>Nothing is computed before a getter of a computed column is called; then the look-ahead cursor, opened only if such a
/// column is active, is brought to the serving cursor's row and the next rows are computed together: one row first, then twice as many as before up to
/// the batch size, so that who takes the first row pays for one, and who takes n for less than 2 n.</para>
/// <para>From the third batch on the images of the next ones are read, resized and normalised by workers while a batch is computed. Rows are read on the
/// caller's thread alone, in order. An error is thrown when the row that it belongs to is asked for. Disposing stops the workers.</para>
/// </remarks>
internal sealed class BatchedCursor<TInput, TOutput> : DataViewRowCursor, IImageRow
{
    // Batches whose images are prepared while one is computed: where one ends, the workers go on with the next.
    private const int BatchesAhead = 2;

    // Rows of a batch from which on it is likely that more are wanted; before, who takes a row or two pays for no other.
    private const int FewRows = 4;

    // Rows in which new images are looked for where most are known, in batches.
    private const int WindowBatches = 32;

    private readonly BatchedMapping<TInput, TOutput> _mapping;
    private readonly DataViewRowCursor _serving;
    private readonly DataViewRowCursor? _ahead;
    private readonly ValueGetter<DataViewRowId> _servingId;
    private readonly ValueGetter<DataViewRowId>? _aheadId;
    private readonly MappedRow<TOutput> _columns;
    private readonly Func<TInput>? _read;
    private readonly Queue<RowBatch<TInput, TOutput>> _prepared = new();
    private readonly HashSet<UInt128> _pending = [];
    private readonly CancellationTokenSource _stop = new();
    private RowBatch<TInput, TOutput>? _current;
    private long _servingRow = -1;
    private long _aheadRow = -1;
    private int _size;
    private bool _sourceEnded;
    private bool _disposed;

    public BatchedCursor(
        BatchedMapping<TInput, TOutput> mapping, DataViewSchema schema, DataViewRowCursor serving, DataViewRowCursor? ahead, HashSet<int> active)
    {
        _mapping = mapping;
        _serving = serving;
        _ahead = ahead;
        _servingId = serving.GetIdGetter();
        _aheadId = ahead?.GetIdGetter();
        _read = ahead is null ? null : mapping.Reader(ahead);
        Schema = schema;
        _columns = new MappedRow<TOutput>(schema, serving, active, mapping.Outputs, Current);
    }

    public override DataViewSchema Schema { get; }

    /// <summary>How many batches may be prepared while one is computed; of those that still double, the next.</summary>
    private int Ahead => !_mapping.Prepares ? 0 : _size == _mapping.BatchSize ? BatchesAhead : _size >= FewRows ? 1 : 0;

    public override long Position => _serving.Position;

    public override long Batch => _serving.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => _serving.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _columns.IsActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => _columns.Getter<TValue>(column);

    public Func<RowImage?>? Images(DataViewSchema.Column column)
        => _columns.IsActive(column) && column.Index < _serving.Schema.Count ? (_serving as IImageRow)?.Images(_serving.Schema[column.Index]) : null;

    public override bool MoveNext()
    {
        if (_disposed || !_serving.MoveNext())
            return false;
        _servingRow++;
        return true;
    }

    /// <summary>What is thrown where the two cursors disagree.</summary>
    internal static InvalidOperationException NotRepeatable()
        => new("The data gave other rows when it was read a second time; put it in a cache (mlContext.Data.Cache) before this transformer.");

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            _stop.Cancel();
            foreach (RowBatch<TInput, TOutput> batch in _prepared)
                batch.AwaitPreparation();
            _stop.Dispose();
            _serving.Dispose();
            _ahead?.Dispose();
            if (_ahead is not null && !_mapping.IsClosed)
                _mapping.EndPass();
        }
        base.Dispose(disposing);
    }

    private TOutput Current()
    {
        _mapping.ThrowIfClosed();
        if (_serving.Position < 0)
            throw new InvalidOperationException("The cursor is not on a row.");
        if (_current?.Holds(_servingRow) != true)
            _current = ComputeBatch();
        DataViewRowId id = default;
        _servingId(ref id);
        return _current.Result(_servingRow, id);
    }

    private RowBatch<TInput, TOutput> ComputeBatch()
    {
        _current = null;
        while (_prepared.TryPeek(out RowBatch<TInput, TOutput>? skipped) && skipped.End <= _servingRow)
            Take();
        if (_prepared.Count == 0)
        {
            while (_aheadRow < _servingRow - 1)
                if (!AdvanceAhead())
                    throw NotRepeatable();
            if (!Read())
                throw NotRepeatable();
        }
        // Ahead of the one that is computed now.
        while (_prepared.Count <= Ahead && Read()) { }
        RowBatch<TInput, TOutput> batch = Take();
        batch.Compute(_servingRow);
        return batch;
    }

    private RowBatch<TInput, TOutput> Take()
    {
        RowBatch<TInput, TOutput> batch = _prepared.Dequeue();
        batch.AwaitPreparation();
        _pending.ExceptWith(batch.Keys);
        return batch;
    }

    /// <summary>Reads the next rows and has their images prepared.</summary>
    /// <returns>False where there is none left.</returns>
    private bool Read()
    {
        var batch = new RowBatch<TInput, TOutput>(_mapping, _aheadRow + 1);
        _size = (int)Math.Clamp(2L * _size, 1, _mapping.BatchSize);
        // Below the full size it is a batch of rows; then rows go on until the encoder's batch is full.
        long limit = _mapping.Prepares && _size == _mapping.BatchSize ? (long)_size * WindowBatches : _size;
        int fresh = 0;
        while (batch.Count < limit && (batch.Count < _size || fresh < _size) && AdvanceAhead())
        {
            DataViewRowId id = default;
            _aheadId!(ref id);
            foreach (RowImage image in batch.Add(id, _read!).Where(image => _pending.Add(image.Key)))
            {
                batch.Keys.Add(image.Key);
                fresh += _mapping.IsNew(image) ? 1 : 0;
            }
        }
        if (batch.Count == 0)
            return false;
        if (_mapping.Prepares)
            batch.StartPreparing(_stop.Token);
        _prepared.Enqueue(batch);
        return true;
    }

    private bool AdvanceAhead()
    {
        if (_sourceEnded || !_ahead!.MoveNext())
        {
            _sourceEnded = true;
            return false;
        }
        _aheadRow++;
        return true;
    }
}
