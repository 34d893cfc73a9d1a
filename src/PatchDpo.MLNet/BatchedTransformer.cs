using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>The base of the transformers of this library: rows in, the same rows with more columns out, computed lazily and in batches.</summary>
/// <remarks>
/// Nothing runs before a computed column is read; rows are computed <c>BatchSize</c> at a time where a whole view is read,
/// and one at a time in a prediction engine. A transformer holds tensors: dispose it when it is not needed any more. A prediction engine
/// disposes its transformer with itself, unless it is told not to; what is used after that, views included, throws
/// <see cref="ObjectDisposedException"/>. Image
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
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ThrowIfDisposed();
        return Mapping.GetOutputSchema(inputSchema);
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(inputSchema);
        return Mapping.RowMapper(inputSchema);
    }

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public IDataView Transform(IDataView input)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(input);
        return Mapping.View(input);
    }

    /// <summary>Frees the tensors that this transformer owns; views that it made can no longer be read.</summary>
    public void Dispose()
    {
        if (Mapping.IsClosed)
            return;
        Mapping.Close(this);
        Release();
    }

    void ICanSaveModel.Save(ModelSaveContext context)
    {
        ThrowIfDisposed();
        Save(context);
    }

    private protected void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Mapping.IsClosed, this);

    /// <summary>Frees what the transformer owns; called once.</summary>
    private protected virtual void Release()
    {
    }

    private protected abstract void Save(ModelSaveContext context);
}
