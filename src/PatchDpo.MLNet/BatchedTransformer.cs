using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>The base of the transformers of this library: rows in, the same rows with more columns out, computed lazily and in batches.</summary>
/// <remarks>
/// Nothing runs before a computed column is read; rows are computed <c>BatchSize</c> at a time where a whole view is read,
/// and one at a time in a prediction engine. A transformer holds tensors: dispose it when it is not needed any more. Image
/// columns follow ML.NET's rules: the image of a row lives until the next row is read, and <c>Cache</c>, <c>ShuffleRows</c>,
/// <c>SaveAsBinary</c> and the schema in a saved model leave image columns out (shuffle and cache paths, then load images).
/// </remarks>
public abstract class BatchedTransformer : ITransformer, IDisposable
{
    private protected BatchedTransformer()
    {
    }

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    internal abstract IBatchedMapping Mapping { get; }

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Mapping.GetOutputSchema(inputSchema);

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return Mapping.RowMapper(inputSchema);
    }

    /// <inheritdoc/>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Mapping.View(input);
    }

    /// <summary>Frees the tensors that this transformer owns; views that it made can no longer be read.</summary>
    public abstract void Dispose();

    void ICanSaveModel.Save(ModelSaveContext context) => Save(context);

    private protected abstract void Save(ModelSaveContext context);
}
