using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Normalised embeddings of images, each image content encoded once.</summary>
/// <remarks>Rows read from a data view hold a new buffer for the same reference each time, so images are known by their content.</remarks>
internal sealed class EmbeddingCache(IImagePreprocessor preprocessor, Device device, Func<Tensor, Tensor> encode)
{
    private readonly Dictionary<ImageBuffer, float[]> _known = new(ImageContentComparer.Instance);

    /// <summary>Embeds images that are kept for later rows.</summary>
    /// <param name="images">The images.</param>
    /// <param name="name">The name and number that the caller gives an image, by its index.</param>
    /// <exception cref="NonFiniteOutputException">The encoder gives NaN or infinite numbers for one of them.</exception>
    public void Add(IReadOnlyList<ImageBuffer> images, Func<int, (string Item, int Index)> name)
    {
        (int Index, ImageBuffer Image)[] missing = [.. images.Index().DistinctBy(m => m.Item, ImageContentComparer.Instance)
            .Where(m => !_known.ContainsKey(m.Item))];
        float[][] embeddings = FiniteOutput.Renamed(() => Encode([.. missing.Select(m => m.Image)]), i => name(missing[i].Index));
        foreach (((_, ImageBuffer image), float[] embedding) in missing.Zip(embeddings))
            _known[image] = embedding;
    }

    /// <summary>The embedding of an image that was added.</summary>
    public float[] this[ImageBuffer image] => _known[image];

    /// <summary>Embeds images without keeping the result.</summary>
    public float[][] Encode(ImageBuffer[] images)
    {
        if (images.Length == 0)
            return [];
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return Normalized(encode(stack(images.Select(preprocessor.Preprocess)).to(device)));
    }

    /// <summary>Rows of length 1 as arrays; a zero row stays zero.</summary>
    public static float[][] Normalized(Tensor embeddings)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor unit = nn.functional.normalize(embeddings.detach().to(float32).cpu(), dim: 1);
        return [.. Enumerable.Range(0, (int)unit.shape[0]).Select(i => unit[i].data<float>().ToArray())];
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
