using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Patch features of whole images from one encoder, each picture encoded once as long as the cache holds it.</summary>
/// <param name="encoder">Gives them; not disposed.</param>
/// <param name="batchSize">Images encoded at once.</param>
/// <param name="cache">Keeps them; this encoder's.</param>
internal sealed class PatchFeatures(IVisionEncoder encoder, int batchSize, FeatureCache cache)
{
    private readonly WholeImageView _view = new(encoder.Preprocessor);

    /// <summary>Where the features are computed.</summary>
    public Device Device => encoder.Device;

    /// <summary>Whether an image need not be encoded any more.</summary>
    public bool IsKnown(UInt128 content) => cache.Contains(content);

    /// <summary>Does the work on an image that needs no encoder, on any thread: its identity and, where it is not known, its pixels.</summary>
    /// <param name="image">The image.</param>
    /// <param name="load">Gives it again, when it has been let go of.</param>
    public PreparedImage Prepare(ImageBuffer image, Func<ImageBuffer> load)
        => new(image.Content, load) { Input = IsKnown(image.Content) ? null : _view.Preprocess(image) };

    /// <summary>Features of images.</summary>
    /// <param name="images">Any number, with repetitions; those that are not known are encoded <c>batchSize</c> at a time, in their order.</param>
    /// <param name="name">The name and number that the caller gives an image, by its index.</param>
    /// <param name="cancellationToken">Stops between batches.</param>
    /// <returns>By content; held for the caller, whatever the cache lets go of.</returns>
    /// <exception cref="NonFiniteOutputException">The encoder gives NaN or infinite features.</exception>
    public Dictionary<UInt128, PatchMap> Of(
        IReadOnlyList<PreparedImage> images, Func<int, (string Item, int Index)> name, CancellationToken cancellationToken)
    {
        Dictionary<UInt128, PatchMap> maps = [];
        List<int> missing = [];
        HashSet<UInt128> seen = [];
        for (int i = 0; i < images.Count; i++)
        {
            if (!seen.Add(images[i].Content))
                continue;
            if (cache.Find(images[i].Content) is PatchMap known)
                maps.Add(images[i].Content, known);
            else
                missing.Add(i);
        }
        foreach (int[] chunk in missing.Chunk(batchSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach ((int i, PatchMap map) in chunk.Zip(Encode(Array.ConvertAll(chunk, i => images[i]), i => name(chunk[i]))))
            {
                cache.Add(images[i].Content, map);
                maps.Add(images[i].Content, map);
            }
        }
        return maps;
    }

    /// <summary>Images whose inputs have the same shape go through the encoder together.</summary>
    private List<PatchMap> Encode(PreparedImage[] images, Func<int, (string, int)> name)
    {
        EncoderInput[] inputs = InputsOf(images);
        List<PatchMap> maps = new(images.Length);
        for (int start = 0, end; start < inputs.Length; start = end)
        {
            for (end = start + 1; end < inputs.Length && inputs[end].Fits(inputs[start]);)
                end++;
            int first = start;
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            Tensor input = EncoderInput.Batch(inputs.AsMemory(start..end)).to(encoder.Device);
            using VisionFeatures batch = FiniteOutput.Renamed(() => encoder.EncodePatches(input), i => name(first + i));
            for (int i = 0; i < end - start; i++)
                maps.Add(PatchMap.Of(batch.Patches.narrow(0, i, 1)));
        }
        return maps;
    }

    private EncoderInput[] InputsOf(PreparedImage[] images)
    {
        var inputs = new EncoderInput[images.Length];
        int[] unprepared = [.. Enumerable.Range(0, images.Length).Where(i => images[i].Input is null)];
        ParallelItems.For(unprepared.Length, i => inputs[unprepared[i]] = _view.Preprocess(images[unprepared[i]].Load()));
        foreach ((int i, PreparedImage image) in images.Index())
            inputs[i] ??= image.Input!;
        return inputs;
    }
}
