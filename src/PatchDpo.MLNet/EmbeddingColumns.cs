using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>The columns and the batch size of an embedding component.</summary>
internal sealed record EmbeddingColumns
{
    public EmbeddingColumns(string outputColumnName, string inputColumnName, int batchSize)
    {
        Output = ColumnName.Checked(outputColumnName);
        Input = ColumnName.Checked(inputColumnName);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        BatchSize = batchSize;
    }

    public string Output { get; }

    public string Input { get; }

    public int BatchSize { get; }

    /// <summary>The column that is added.</summary>
    /// <param name="dimensions">A row's, at least one.</param>
    public RowOutput<float[]> Vector(params int[] dimensions) => RowOutput.Vector<float[]>(Output, dimensions, v => v);

    public void Write(BinaryWriter writer)
    {
        writer.Write(Output);
        writer.Write(Input);
        writer.Write(BatchSize);
    }

    public static EmbeddingColumns Read(BinaryReader reader) => new(reader.ReadString(), reader.ReadString(), reader.ReadInt32());
}
