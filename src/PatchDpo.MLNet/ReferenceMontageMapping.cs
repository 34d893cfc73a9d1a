using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>Images of several columns in, one image out.</summary>
internal sealed class ReferenceMontageMapping : BatchedMapping<ImageBuffer[], ImageBuffer>
{
    private readonly ImageInput[] _images;

    public ReferenceMontageMapping(string outputColumnName, IReadOnlyList<string> inputColumnNames, int size)
    {
        OutputColumnName = ColumnName.Checked(outputColumnName);
        InputColumnNames = ColumnName.Checked(inputColumnNames);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, InputColumnNames.Count);
        Size = size;
        _images = [.. InputColumnNames.Select(name => new ImageInput(name))];
        Outputs = [RowOutput.Image<ImageBuffer>(outputColumnName, (size, size), image => image)];
    }

    public string OutputColumnName { get; }

    public IReadOnlyList<string> InputColumnNames { get; }

    public int Size { get; }

    // Images are large and composing them gains nothing from batches.
    public override int BatchSize => 1;

    public override IReadOnlyList<RowInput> Inputs => _images;

    public override IReadOnlyList<RowOutput<ImageBuffer>> Outputs { get; }

    public override Func<ImageBuffer[]> Reader(DataViewRow row)
    {
        Func<ImageBuffer>[] images = [.. _images.Select(i => i.Reader(row))];
        return () => [.. images.Select(read => read())];
    }

    public override IReadOnlyList<ImageBuffer> Compute(IReadOnlyList<ImageBuffer[]> rows) => [.. rows.Select(images => ReferenceMontage.Compose(images, Size))];
}
