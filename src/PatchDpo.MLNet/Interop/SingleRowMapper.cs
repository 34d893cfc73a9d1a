using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>Computes one row at a time, for prediction engines and chains.</summary>
internal sealed class SingleRowMapper<TInput, TOutput>(BatchedMapping<TInput, TOutput> mapping, DataViewSchema inputSchema) : IRowToRowMapper
{
    public DataViewSchema InputSchema { get; } = inputSchema;

    public DataViewSchema OutputSchema { get; } = mapping.GetOutputSchema(inputSchema);

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        HashSet<int> needed = dependingColumns.Select(c => c.Index).ToHashSet();
        if (needed.Any(i => i >= InputSchema.Count))
            needed.UnionWith(mapping.Inputs.Select(i => i.Find(InputSchema).Index));
        return InputSchema.Where(c => needed.Contains(c.Index)).ToArray();
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (!ReferenceEquals(input.Schema, InputSchema))
            throw new ArgumentException("The row's schema is not the one that this mapper is bound to.", nameof(input));
        return new SingleRow<TInput, TOutput>(mapping, OutputSchema, input, activeColumns.Select(c => c.Index).ToHashSet());
    }
}
