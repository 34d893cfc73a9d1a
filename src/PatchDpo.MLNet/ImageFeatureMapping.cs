using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Images in, their features out: one array a row.</summary>
/// <param name="columns">The columns, and how many images are encoded at once.</param>
/// <param name="output">The column that is added.</param>
/// <param name="encoder">Prepares images, on several threads, and encodes them.</param>
/// <param name="encode">A batch <c>(B,C,H,W)</c> to B rows.</param>
/// <remarks>Of rows that are computed together, a picture that several show is encoded once.</remarks>
internal sealed class ImageFeatureMapping(EmbeddingColumns columns, RowOutput<float[]> output, IVisionEncoder encoder, Func<Tensor, float[][]> encode)
    : BatchedMapping<RowImage, float[]>
{
    private readonly ImageInput _input = new(columns.Input);

    public override int BatchSize => columns.BatchSize;

    public override bool Prepares => true;

    public override IReadOnlyList<RowInput> Inputs => [_input];

    public override IReadOnlyList<RowOutput<float[]>> Outputs { get; } = [output];

    public override Func<RowImage> Reader(DataViewRow row) => _input.Images(row);

    public override IReadOnlyList<RowImage> ImagesOf(RowImage row) => [row];

    public override void Prepare(RowImage image)
    {
        ImageBuffer pixels = image.Load();
        image.Identify(pixels);
        image.Prepared = new PreparedImage(pixels.Content, image.Load) { Input = EncoderInput.Of(encoder.Preprocessor, pixels) };
    }

    public override IReadOnlyList<float[]> Compute(IReadOnlyList<RowImage> rows)
    {
        Dictionary<UInt128, PreparedImage> prepared = [];
        foreach (RowImage row in rows.Where(r => r.Prepared is not null))
            prepared.TryAdd(row.Key, row.Prepared!);
        // Those of single rows, and those that workers had begun for an earlier batch.
        RowImage[] unprepared = [.. rows.Where(r => !prepared.ContainsKey(r.Key)).DistinctBy(r => r.Key)];
        ParallelItems.For(unprepared.Length, i => Prepare(unprepared[i]));
        foreach (RowImage row in unprepared)
            prepared.Add(row.Key, row.Prepared!);
        PreparedImage[] images = [.. rows.Select(r => prepared[r.Key])];
        Dictionary<UInt128, float[]> features = [];
        foreach ((int Row, PreparedImage Image)[] batch in images.Index().DistinctBy(i => i.Item.Content).Chunk(BatchSize))
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            Tensor pixels = EncoderInput.Batch(Array.ConvertAll(batch, b => b.Image.Input!)).to(encoder.Device);
            float[][] encoded = FiniteOutput.Renamed(() => encode(pixels), i => ($"image {batch[i].Row}", batch[i].Row));
            for (int i = 0; i < batch.Length; i++)
                features.Add(batch[i].Image.Content, encoded[i]);
        }
        return [.. images.Select(i => features[i.Content])];
    }
}
