using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>Images in, patch features out.</summary>
internal sealed class PatchFeatureMapping(EmbeddingColumns columns, RowOutput<float[]> output, Func<IReadOnlyList<ImageBuffer>, IReadOnlyList<float[]>> encode)
    : BatchedMapping<ImageBuffer, float[]>
{
    private readonly ImageInput _input = new(columns.Input);

    public override int BatchSize => columns.BatchSize;

    public override IReadOnlyList<RowInput> Inputs => [_input];

    public override IReadOnlyList<RowOutput<float[]>> Outputs { get; } = [output];

    public override Func<ImageBuffer> Reader(DataViewRow row) => _input.Reader(row);

    public override IReadOnlyList<float[]> Compute(IReadOnlyList<ImageBuffer> rows) => encode(rows);
}
