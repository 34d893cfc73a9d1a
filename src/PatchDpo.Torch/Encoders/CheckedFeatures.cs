using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Features of encoders, looked at before they are compared: every use of an encoder's numbers goes through here.</summary>
internal static class CheckedFeatures
{
    /// <summary>What <see cref="IVisionEncoder.Encode"/> gives, with patch features that can be computed with.</summary>
    /// <exception cref="NonFiniteOutputException">Those of an image cannot; its index is the one in the batch.</exception>
    public static VisionFeatures EncodePatches(this IVisionEncoder encoder, Tensor pixels) => Encode(encoder, pixels, f => f.Patches, "patch features");

    /// <summary>What <see cref="IVisionEncoder.Encode"/> gives, with features of whole images that can be computed with.</summary>
    /// <exception cref="NonFiniteOutputException">That of an image cannot; its index is the one in the batch.</exception>
    public static VisionFeatures EncodeGlobal(this IVisionEncoder encoder, Tensor pixels) => Encode(encoder, pixels, f => f.Global, "features");

    /// <summary>Image embeddings that can be computed with.</summary>
    /// <exception cref="NonFiniteOutputException">That of an image cannot; its index is the one in the batch.</exception>
    public static Tensor EncodeCheckedImages(this IImageTextEncoder encoder, Tensor pixels)
        => Checked(encoder, encoder.EncodeImages(pixels), "image embeddings", "image");

    /// <summary>Text embeddings that can be computed with.</summary>
    /// <exception cref="NonFiniteOutputException">That of a text cannot; its index is the one in the batch.</exception>
    public static Tensor EncodeCheckedTexts(this IImageTextEncoder encoder, IReadOnlyList<string> texts)
        => Checked(encoder, encoder.EncodeTexts(texts), "text embeddings", "text");

    private static VisionFeatures Encode(IVisionEncoder encoder, Tensor pixels, Func<VisionFeatures, Tensor> used, string output)
    {
        VisionFeatures features = encoder.Encode(pixels);
        try
        {
            Tensor rows = used(features);
            if (FiniteOutput.FirstBad(rows) is >= 0 and int bad)
                throw new NonFiniteOutputException(
                    $"The image encoder {encoder.GetType().Name}", WeightsOrigin.Of(PartWithWeights(encoder)), output, $"image {bad}", bad, rows.dtype);
            return features;
        }
        catch
        {
            features.Dispose();
            throw;
        }
    }

    private static Tensor Checked(IImageTextEncoder encoder, Tensor embeddings, string output, string item)
    {
        try
        {
            FiniteOutput.Check(embeddings, $"The encoder {encoder.GetType().Name}", encoder, output, i => $"{item} {i}");
            return embeddings;
        }
        catch
        {
            embeddings.Dispose();
            throw;
        }
    }

    // The head's file or the encoder's.
    private static object PartWithWeights(IVisionEncoder encoder)
        => encoder is not PatchHeadEncoder headed ? encoder : headed.Head.parameters().All(FiniteOutput.Holds) ? headed.Encoder : headed.Head;
}
