using Microsoft.ML;

namespace PatchDpo.MLNet.Interop;

/// <summary>Getters of a row whose first columns come from a source and the others from a mapping.</summary>
/// <typeparam name="TOutput">What the mapping computes for a row.</typeparam>
/// <param name="schema">The schema of source and mapping.</param>
/// <param name="source">The source's row.</param>
/// <param name="active">Indices of the columns asked for.</param>
/// <param name="outputs">The mapping's columns.</param>
/// <param name="current">Yields the mapping's result for the current row.</param>
internal sealed class MappedRow<TOutput>(
    DataViewSchema schema, DataViewRow source, IReadOnlySet<int> active, IReadOnlyList<RowOutput<TOutput>> outputs, Func<TOutput> current)
{
    public bool IsActive(DataViewSchema.Column column) => active.Contains(column.Index);

    /// <exception cref="ArgumentOutOfRangeException">The column was not asked for.</exception>
    /// <exception cref="InvalidOperationException">The column has another type.</exception>
    public ValueGetter<TValue> Getter<TValue>(DataViewSchema.Column column)
    {
        if (!IsActive(column))
            throw new ArgumentOutOfRangeException(nameof(column), $"Requested column '{column.Name}' is not active.");
        int output = column.Index - source.Schema.Count;
        if (output < 0)
            return source.GetGetter<TValue>(source.Schema[column.Index]);
        return outputs[output].Getter(current) as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Invalid TValue in GetGetter: '{typeof(TValue)}', expected type: '{schema[column.Index].Type.RawType}'.");
    }
}
