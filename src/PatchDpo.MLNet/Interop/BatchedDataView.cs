using Microsoft.ML;

namespace PatchDpo.MLNet.Interop;

/// <summary>A view that computes a mapping's columns lazily, a batch of rows at a time.</summary>
/// <remarks>Its rows cannot be shuffled on reading: the two source cursors of a <see cref="BatchedCursor{TInput, TOutput}"/> must agree.</remarks>
internal sealed class BatchedDataView<TInput, TOutput>(BatchedMapping<TInput, TOutput> mapping, IDataView source) : IDataView
{
    public bool CanShuffle => false;

    public DataViewSchema Schema { get; } = mapping.GetOutputSchema(source.Schema);

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        HashSet<int> active = columnsNeeded.Select(c => c.Index).ToHashSet();
        // A mapping of single rows reads nothing ahead, so one cursor serves and computes.
        bool computes = active.Any(i => i >= source.Schema.Count);
        IEnumerable<DataViewSchema.Column> passed = source.Schema.Where(c => active.Contains(c.Index));
        DataViewSchema.Column[] inputs = computes ? [.. mapping.Inputs.Select(i => i.Find(source.Schema)).Distinct()] : [];
        if (mapping.BatchSize == 1)
        {
            DataViewRowCursor single = source.GetRowCursor(passed.Union(inputs));
            return new SingleRowCursor(single, new SingleRow<TInput, TOutput>(mapping, Schema, single, active));
        }
        DataViewRowCursor serving = source.GetRowCursor(passed);
        DataViewRowCursor? ahead = computes ? source.GetRowCursor(inputs) : null;
        return new BatchedCursor<TInput, TOutput>(mapping, Schema, serving, ahead, active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
        => [GetRowCursor(columnsNeeded, rand)];
}
