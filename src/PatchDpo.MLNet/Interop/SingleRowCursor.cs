using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>A cursor over one of its source, for mappings that compute row by row: nothing is read ahead.</summary>
/// <param name="source">The source's cursor, with the columns that are passed through and those that the mapping reads.</param>
/// <param name="row">Its current row with the mapping's columns, which owns it.</param>
internal sealed class SingleRowCursor(DataViewRowCursor source, DataViewRow row) : DataViewRowCursor, IImageRow
{
    private bool _disposed;

    public override DataViewSchema Schema => row.Schema;

    public override long Position => source.Position;

    public override long Batch => source.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(column);

    public Func<RowImage?>? Images(DataViewSchema.Column column) => (row as IImageRow)?.Images(column);

    public override bool MoveNext() => !_disposed && source.MoveNext();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            row.Dispose();
        }
        base.Dispose(disposing);
    }
}
