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
        return new Row(mapping, OutputSchema, input, activeColumns.Select(c => c.Index).ToHashSet());
    }

    private sealed class Row : DataViewRow
    {
        private readonly DataViewRow _input;
        private readonly MappedRow<TOutput> _columns;
        private bool _disposed;

        public Row(BatchedMapping<TInput, TOutput> mapping, DataViewSchema schema, DataViewRow input, HashSet<int> active)
        {
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
                    result = mapping.ComputeFrom([read!()], input.Position)[0];
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
}
