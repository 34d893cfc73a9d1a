using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>A row of a source with a mapping's columns, computed when the first of them is asked for.</summary>
internal sealed class SingleRow<TInput, TOutput> : DataViewRow, IImageRow
{
    private readonly BatchedMapping<TInput, TOutput> _mapping;
    private readonly DataViewRow _input;
    private readonly MappedRow<TOutput> _columns;
    private bool _disposed;

    /// <summary>Binds a mapping to a row, which it takes over.</summary>
    public SingleRow(BatchedMapping<TInput, TOutput> mapping, DataViewSchema schema, DataViewRow input, HashSet<int> active)
    {
        _mapping = mapping;
        _input = input;
        Schema = schema;
        Func<TInput>? read = active.Any(i => i >= input.Schema.Count) ? mapping.Reader(input) : null;
        TOutput? result = default;
        long computedAt = -1;
        _columns = new MappedRow<TOutput>(schema, input, active, mapping.Outputs, () =>
        {
            mapping.ThrowIfClosed();
            if (computedAt != input.Position || computedAt < 0)
            {
                result = mapping.ComputeFrom([read!()], _ => input.Position)[0];
                computedAt = input.Position;
            }
            return result!;
        });
    }

    public override DataViewSchema Schema { get; }

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _columns.IsActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => _columns.Getter<TValue>(column);

    public Func<RowImage?>? Images(DataViewSchema.Column column)
    {
        if (!_columns.IsActive(column))
            return null;
        if (column.Index < _input.Schema.Count)
            return (_input as IImageRow)?.Images(_input.Schema[column.Index]);
        return _mapping.ImageReader(_input, column.Index - _input.Schema.Count);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            _input.Dispose();
        }
        base.Dispose(disposing);
    }
}
