using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>A cursor over two of its source: one serves the columns passed through, the other runs ahead and fills batches.</summary>
/// <remarks>
/// Nothing is computed before a getter of a computed column is called; then the look-ahead cursor, opened only if such a
/// column is active, is brought to the serving cursor's row and the next rows are computed together. A row that cannot be
/// read ends its batch, and its error is thrown when that row itself is asked for.
/// </remarks>
internal sealed class BatchedCursor<TInput, TOutput> : DataViewRowCursor
{
    private readonly BatchedMapping<TInput, TOutput> _mapping;
    private readonly DataViewRowCursor _serving;
    private readonly DataViewRowCursor? _ahead;
    private readonly ValueGetter<DataViewRowId> _servingId;
    private readonly ValueGetter<DataViewRowId>? _aheadId;
    private readonly MappedRow<TOutput> _columns;
    private readonly List<DataViewRowId> _ids = [];
    private readonly Func<TInput>? _read;
    private IReadOnlyList<TOutput> _results = [];
    private long _servingRow = -1;
    private long _aheadRow = -1;
    private long _firstRow;
    private (long Row, ExceptionDispatchInfo Error)? _unreadable;
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

    public override long Position => _serving.Position;

    public override long Batch => _serving.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => _serving.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _columns.IsActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => _columns.Getter<TValue>(column);

    public override bool MoveNext()
    {
        if (_disposed || !_serving.MoveNext())
            return false;
        _servingRow++;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            _serving.Dispose();
            _ahead?.Dispose();
        }
        base.Dispose(disposing);
    }

    private TOutput Current()
    {
        _mapping.ThrowIfClosed();
        if (_serving.Position < 0)
            throw new InvalidOperationException("The cursor is not on a row.");
        if (_servingRow == _unreadable?.Row)
            _unreadable.Value.Error.Throw();
        if (_servingRow < _firstRow || _servingRow >= _firstRow + _results.Count)
            ComputeBatch();
        int index = (int)(_servingRow - _firstRow);
        DataViewRowId id = default;
        _servingId(ref id);
        return id.Equals(_ids[index]) ? _results[index] : throw NotRepeatable();
    }

    private void ComputeBatch()
    {
        while (_aheadRow < _servingRow - 1)
            AdvanceAhead(required: true);
        var rows = new List<TInput>(Math.Min(_mapping.BatchSize, 256));
        _ids.Clear();
        _results = [];
        while (rows.Count < _mapping.BatchSize && AdvanceAhead(required: rows.Count == 0))
        {
            try
            {
                rows.Add(_read!());
            }
            catch (Exception e)
            {
                _unreadable = (_aheadRow, ExceptionDispatchInfo.Capture(e));
                if (rows.Count == 0)
                    throw;
                break;
            }
            DataViewRowId id = default;
            _aheadId!(ref id);
            _ids.Add(id);
        }
        _results = _mapping.ComputeFrom(rows, _servingRow);
        _firstRow = _servingRow;
    }

    private bool AdvanceAhead(bool required)
    {
        if (!_ahead!.MoveNext())
            return required ? throw NotRepeatable() : false;
        _aheadRow++;
        return true;
    }

    private static InvalidOperationException NotRepeatable()
        => new("The data gave other rows when it was read a second time; put it in a cache (mlContext.Data.Cache) before this transformer.");
}
