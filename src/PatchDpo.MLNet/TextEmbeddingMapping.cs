using Microsoft.ML;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>Texts in, their embeddings out.</summary>
internal sealed class TextEmbeddingMapping(
    RowInput<string> input, EmbeddingColumns columns, int dimension, Func<IReadOnlyList<string>, IReadOnlyList<float[]>> embed)
    : BatchedMapping<string, float[]>
{
    public override int BatchSize => columns.BatchSize;

    public override IReadOnlyList<RowInput> Inputs { get; } = [input];

    public override IReadOnlyList<RowOutput<float[]>> Outputs { get; } = [columns.Vector(dimension)];

    public override Func<string> Reader(DataViewRow row) => input.Reader(row);

    public override IReadOnlyList<float[]> Compute(IReadOnlyList<string> rows) => embed(rows);
}
