using Microsoft.ML;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>One value in, its embedding out.</summary>
/// <typeparam name="TInput">An image or a text.</typeparam>
internal sealed class EmbeddingMapping<TInput>(
    RowInput<TInput> input, string outputColumnName, int dimension, int batchSize, Func<IReadOnlyList<TInput>, IReadOnlyList<float[]>> embed)
    : BatchedMapping<TInput, float[]>
{
    public override int BatchSize => batchSize;

    public override IReadOnlyList<RowInput> Inputs { get; } = [input];

    public override IReadOnlyList<RowOutput<float[]>> Outputs { get; } = [Output(outputColumnName, dimension)];

    public static RowOutput<float[]> Output(string outputColumnName, int dimension)
        => RowOutput.Vector<float[]>(outputColumnName, [dimension], v => v);

    public override Func<TInput> Reader(DataViewRow row) => input.Reader(row);

    public override IReadOnlyList<float[]> Compute(IReadOnlyList<TInput> rows) => embed(rows);
}
