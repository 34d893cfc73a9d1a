using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Normalised embeddings of images, each image content encoded once as long as it is kept.</summary>
/// <param name="preprocessor">How an image becomes the input; called by several threads.</param>
/// <param name="device">Where the weights are.</param>
/// <param name="encode">Pixels to embeddings.</param>
/// <param name="maxBytes">The most bytes of embeddings that are kept; what has not been used for longest goes first.</param>
/// <remarks>Rows read from a data view hold a new buffer for the same reference each time, so images are known by their content.</remarks>
internal sealed class EmbeddingCache(IImagePreprocessor preprocessor, Device device, Func<Tensor, Tensor> encode, long maxBytes = EmbeddingCache.DefaultMaxBytes)
{
    /// <summary>Room for 43,690 embeddings of DINO ViT-S/16.</summary>
    public const long DefaultMaxBytes = 64L << 20;

    private readonly RecentValues<UInt128, float[]> _known = new(maxBytes, embedding => embedding.LongLength * sizeof(float));

    /// <summary>Embeds images, and keeps the result for later calls.</summary>
    /// <param name="images">Any number, with repetitions.</param>
    /// <param name="batchSize">Images encoded at once.</param>
    /// <param name="name">The name and number that the caller gives an image, by its index.</param>
    /// <returns>An embedding an image, in order.</returns>
    /// <exception cref="NonFiniteOutputException">The encoder gives NaN or infinite numbers for one of them.</exception>
    public float[][] Embed(IReadOnlyList<ImageBuffer> images, int batchSize, Func<int, (string Item, int Index)> name)
    {
        Dictionary<UInt128, float[]> embeddings = [];
        List<int> missing = [];
        HashSet<UInt128> seen = [];
        for (int i = 0; i < images.Count; i++)
        {
            if (!seen.Add(images[i].Content))
                continue;
            if (_known.TryGet(images[i].Content, out float[]? known))
                embeddings.Add(images[i].Content, known);
            else
                missing.Add(i);
        }
        foreach (int[] chunk in missing.Chunk(batchSize))
        {
            foreach ((int i, float[] embedding) in chunk.Zip(
                FiniteOutput.Renamed(() => Encode(Array.ConvertAll(chunk, i => images[i])), i => name(chunk[i]))))
            {
                _known.Add(images[i].Content, embedding);
                embeddings.Add(images[i].Content, embedding);
            }
        }
        return [.. images.Select(image => embeddings[image.Content])];
    }

    /// <summary>Embeds images without keeping the result.</summary>
    public float[][] Encode(ImageBuffer[] images)
    {
        if (images.Length == 0)
            return [];
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        var inputs = new EncoderInput[images.Length];
        ParallelItems.For(images.Length, i => inputs[i] = EncoderInput.Of(preprocessor, images[i]));
        return Normalized(encode(EncoderInput.Batch(inputs).to(device)));
    }

    /// <summary>Rows of length 1 as arrays; a zero row stays zero.</summary>
    public static float[][] Normalized(Tensor embeddings)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor unit = nn.functional.normalize(embeddings.detach().to(float32).cpu(), dim: 1);
        return [.. unit.ToFloats().Chunk((int)unit.shape[1])];
    }

    /// <summary>The cosine of two normalised embeddings.</summary>
    public static double Cosine(float[] a, float[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }
}
