using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Embeds images; made by <see cref="ImageEmbeddingEstimator"/>.</summary>
/// <remarks>Saved is where the encoder is, not its weights, as with <see cref="PatchQualityScoringTransformer"/>.</remarks>
public sealed class ImageEmbeddingTransformer : EmbeddingTransformer
{
    internal static readonly ModelSignature Signature = new("IMGEMBED", "PatchDpoImageEmbedding");

    private static readonly ImageBuffer Probe = new(32, 32, 3, new byte[32 * 32 * 3]);

    private readonly OpenedEncoder _encoder;
    private readonly ImageEncoder _source;

    private ImageEmbeddingTransformer(OpenedEncoder encoder, ImageEncoder source, EmbeddingColumns columns) : base(columns)
    {
        _encoder = encoder;
        _source = source;
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        int dimension = Embed(encoder.Encoder.Preprocessor.Preprocess(Probe).unsqueeze(0).to(encoder.Encoder.Device))[0].Length;
        Map(dimension, new ImageFeatureMapping(columns, columns.Vector(dimension), encoder.Encoder, Embed));
    }

    private protected override void Release() => _encoder.Dispose();

    internal static ImageEmbeddingTransformer Open(IHostEnvironment env, ImageEncoder source, EmbeddingColumns columns)
    {
        OpenedEncoder encoder = source.Open(EnvironmentDevice.Of(env));
        return Owning(encoder, () => new ImageEmbeddingTransformer(encoder, source, columns));
    }

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        _source.Write(writer);
        Columns.Write(writer);
    }

    // Found by ML.NET when a saved model names Signature.Loader.
    private static ImageEmbeddingTransformer Create(IHostEnvironment env, object context)
    {
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        return Open(env, ImageEncoder.Read(reader), EmbeddingColumns.Read(reader));
    }

    private float[][] Embed(Tensor pixels)
    {
        using VisionFeatures features = _encoder.Encoder.EncodeGlobal(pixels);
        return TensorRows.ToArrays(features.Global);
    }
}
