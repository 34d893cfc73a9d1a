using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Images as one byte tensor, <c>(N,3,64,64)</c>, and their normalisations.</summary>
internal static class PixelPool
{
    /// <summary>Packs images of one size; the caller disposes the result.</summary>
    public static Tensor Pack(IReadOnlyList<ImageBuffer> images)
    {
        int height = images[0].Height;
        int width = images[0].Width;
        byte[] all = new byte[(long)images.Count * height * width * 3];
        for (int i = 0; i < images.Count; i++)
            images[i].Pixels.CopyTo(all.AsSpan(i * height * width * 3));
        using Tensor interleaved = tensor(all, [images.Count, height, width, 3], ScalarType.Byte);
        using Tensor planes = interleaved.permute(0, 3, 1, 2);
        return planes.contiguous();
    }

    /// <summary>Bytes to [-1, 1], as the autoencoder takes them.</summary>
    public static Tensor MinusOneToOne(Tensor bytes)
    {
        using var scope = NewDisposeScope();
        return (bytes.to(ScalarType.Float32) / 127.5f - 1).MoveToOuterDisposeScope();
    }

    /// <summary>Bytes normalised by channel, as the encoders take them.</summary>
    public static Tensor Normalize(Tensor bytes, PixelNormalization normalization)
    {
        using var scope = NewDisposeScope();
        Tensor mean = tensor(normalization.Mean.Select(m => (float)m).ToArray()).reshape(1, 3, 1, 1);
        Tensor std = tensor(normalization.Std.Select(s => (float)s).ToArray()).reshape(1, 3, 1, 1);
        return ((bytes.to(ScalarType.Float32) / 255 - mean) / std).MoveToOuterDisposeScope();
    }
}
