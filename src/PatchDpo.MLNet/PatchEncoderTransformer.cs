using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Gives images' patch features; made by <see cref="PatchEncoderTrainer"/>.</summary>
/// <remarks>
/// A saved model carries the trained weights (of up to 2 GiB), and so does a saved scoring with <see cref="Encoder"/>: neither needs a folder.
/// </remarks>
public sealed class PatchEncoderTransformer : BatchedTransformer
{
    internal static readonly ModelSignature Signature = new("PTCHENCD", "PatchDpoPatchEncoder");

    private static readonly ImageBuffer Probe = new(32, 32, 3, new byte[32 * 32 * 3]);

    private readonly OpenedEncoder _encoder;
    private readonly EmbeddingColumns _columns;
    private readonly ImageFeatureMapping _mapping;

    private PatchEncoderTransformer(OpenedEncoder encoder, ImageEncoder source, EmbeddingColumns columns)
    {
        _encoder = encoder;
        Encoder = source;
        _columns = columns;
        using DisposeScope scope = NewDisposeScope();
        using (VisionFeatures probe = encoder.Encoder.EncodePatches(encoder.Encoder.Preprocessor.Preprocess(Probe).unsqueeze(0).to(encoder.Encoder.Device)))
            (MapHeight, MapWidth, Dimension) = ((int)probe.Patches.shape[1], (int)probe.Patches.shape[2], (int)probe.Patches.shape[3]);
        _mapping = new ImageFeatureMapping(columns, Output(columns.Output, MapHeight, MapWidth, Dimension), encoder.Encoder, Features);
    }

    /// <summary>
    /// The trained encoder, for <see cref="PatchDpoCatalog.ScorePatchQuality(string, string, ImageEncoder, string?)"/> and the other components; it
    /// outlives this transformer.
    /// </summary>
    public ImageEncoder Encoder { get; }

    /// <summary>Rows of patches.</summary>
    public int MapHeight { get; }

    /// <summary>Patches in a row.</summary>
    public int MapWidth { get; }

    /// <summary>The length of a patch's feature.</summary>
    public int Dimension { get; }

    internal override IBatchedMapping Mapping => _mapping;

    private protected override void Release() => _encoder.Dispose();

    internal static RowOutput<float[]> Output(string name, int rows, int columns, int dimension)
        => RowOutput.Vector<float[]>(name, [rows, columns, dimension], v => v);

    internal static PatchEncoderTransformer Open(IHostEnvironment env, ImageEncoder source, EmbeddingColumns columns)
    {
        OpenedEncoder encoder = source.Open(EnvironmentDevice.Of(env));
        try
        {
            return new PatchEncoderTransformer(encoder, source, columns);
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        Encoder.Write(writer);
        _columns.Write(writer);
    }

    // Found by ML.NET when a saved model names Signature.Loader.
    private static PatchEncoderTransformer Create(IHostEnvironment env, object context)
    {
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        return Open(env, ImageEncoder.Read(reader), EmbeddingColumns.Read(reader));
    }

    private float[][] Features(Tensor pixels)
    {
        using VisionFeatures features = _encoder.Encoder.EncodePatches(pixels);
        return TensorRows.ToArrays(features.Patches.flatten(1));
    }
}
