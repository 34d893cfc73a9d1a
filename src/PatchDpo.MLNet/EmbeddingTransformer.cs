using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>What the transformers that embed a column have in common: one vector a row.</summary>
public abstract class EmbeddingTransformer : BatchedTransformer
{
    private IBatchedMapping? _mapping;

    private protected EmbeddingTransformer(EmbeddingColumns columns) => Columns = columns;

    /// <summary>The length of an embedding.</summary>
    public int Dimension { get; private set; }

    internal override IBatchedMapping Mapping => _mapping!;

    private protected EmbeddingColumns Columns { get; }

    /// <summary>Says how the column is embedded; called by every constructor.</summary>
    private protected void Map(int dimension, IBatchedMapping mapping) => (Dimension, _mapping) = (dimension, mapping);

    /// <summary>Makes a transformer of what was loaded for it, which is disposed if that fails.</summary>
    private protected static T Owning<T>(IDisposable loaded, Func<T> create)
    {
        try
        {
            return create();
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }
}
