using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.MLNet.Interop;

/// <summary>What a transformer is bound with: columns in, columns out, views and mappers over them.</summary>
internal interface IBatchedMapping
{
    /// <summary>The columns in, checked, and after them the columns out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is absent or of another type.</exception>
    DataViewSchema GetOutputSchema(DataViewSchema inputSchema);

    /// <summary>A lazy view that computes a batch of rows at a time.</summary>
    IDataView View(IDataView input);

    /// <summary>A mapper that computes one row at a time.</summary>
    IRowToRowMapper RowMapper(DataViewSchema inputSchema);

    /// <summary>Whether the transformer that this computes for was disposed.</summary>
    bool IsClosed { get; }

    /// <summary>Ends all views and mappers: their transformer was disposed.</summary>
    void Close(object transformer);
}

/// <summary>A computation over batches of rows.</summary>
/// <typeparam name="TInput">What is read of a row.</typeparam>
/// <typeparam name="TOutput">What is computed for a row.</typeparam>
internal abstract class BatchedMapping<TInput, TOutput> : IBatchedMapping
{
    private volatile object? _disposed;

    public bool IsClosed => _disposed is not null;

    /// <summary>The most rows in a batch.</summary>
    public abstract int BatchSize { get; }

    /// <summary>The columns that are read.</summary>
    public abstract IReadOnlyList<RowInput> Inputs { get; }

    /// <summary>The columns that are added.</summary>
    public abstract IReadOnlyList<RowOutput<TOutput>> Outputs { get; }

    /// <summary>A function that copies what is needed of the current row.</summary>
    public abstract Func<TInput> Reader(DataViewRow row);

    /// <summary>The images of a row that workers prepare while earlier rows are computed; none (default) where nothing is worth that.</summary>
    public virtual IReadOnlyList<RowImage> ImagesOf(TInput row) => [];

    /// <summary>Whether <see cref="ImagesOf"/> gives any.</summary>
    public virtual bool Prepares => false;

    /// <summary>Does ahead what can be done of an image without its row; on any thread.</summary>
    public virtual void Prepare(RowImage image)
    {
    }

    /// <summary>Whether an image will cost the encoder's time: where most do not, more rows are computed together.</summary>
    public virtual bool IsNew(RowImage image) => true;

    /// <summary>Ends a reading of a view: what was kept for others is put where they find it.</summary>
    public virtual void EndPass()
    {
    }

    /// <summary>A function that gives the current row's image of a computed column without computing or reading it; null (default): there is none.</summary>
    /// <param name="row">The row that this mapping reads.</param>
    /// <param name="output">The column's place in <see cref="Outputs"/>.</param>
    public virtual Func<RowImage?>? ImageReader(DataViewRow row, int output) => null;

    /// <summary>
    /// Computes the results of 1 to <see cref="BatchSize"/> rows, or of more where they have less than a batch of new images; a row's result does not
    /// depend on the others, but for rounding.
    /// </summary>
    public abstract IReadOnlyList<TOutput> Compute(IReadOnlyList<TInput> rows);

    /// <summary>The same; a row that a model gives NaN or infinite numbers for is named by its place in the data.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="place">A row's place in the data, by its index.</param>
    /// <exception cref="NonFiniteOutputException">A model gives NaN or infinite numbers.</exception>
    public IReadOnlyList<TOutput> ComputeFrom(IReadOnlyList<TInput> rows, Func<int, long> place)
        => FiniteOutput.Renamed(() => Compute(rows), i => ($"row {place(i)}", (int)Math.Min(place(i), int.MaxValue)));

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        foreach (RowInput input in Inputs)
            input.Find(inputSchema);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(inputSchema);
        foreach (RowOutput<TOutput> output in Outputs)
            builder.AddColumn(output.Name, output.Type);
        return builder.ToSchema();
    }

    public IDataView View(IDataView input) => new BatchedDataView<TInput, TOutput>(this, input);

    public IRowToRowMapper RowMapper(DataViewSchema inputSchema) => new SingleRowMapper<TInput, TOutput>(this, inputSchema);

    public void Close(object transformer) => _disposed = transformer;

    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public void ThrowIfClosed()
    {
        if (_disposed is object transformer)
            throw new ObjectDisposedException(transformer.GetType().FullName);
    }
}
