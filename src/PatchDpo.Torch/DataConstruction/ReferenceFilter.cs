using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Judges candidates in their order, each against the references before it.</summary>
internal sealed class ReferenceFilter
{
    private readonly ReferenceFilterOptions _options;
    private readonly EmbeddingCache? _features;
    private readonly EmbeddingCache? _clipImages;
    private readonly IImageTextEncoder? _clip;
    private readonly List<float[]> _references = [];

    /// <param name="options">The limits.</param>
    /// <param name="encoder">Gives whole-image features.</param>
    /// <param name="clip">Gives CLIP-T; asked only where there is a limit for it.</param>
    public ReferenceFilter(ReferenceFilterOptions options, IVisionEncoder encoder, IImageTextEncoder? clip)
    {
        _options = options;
        _features = options.MaxSimilarity is null ? null
            : new EmbeddingCache(encoder.Preprocessor, encoder.Device, pixels => encoder.EncodeGlobal(pixels).Global);
        if (options.MinClipT is null)
            return;
        _clip = clip ?? throw new ArgumentException("The filter has a least CLIP-T, but there is no CLIP model to measure it with.", nameof(clip));
        _clipImages = new EmbeddingCache(clip.Preprocessor, clip.Device, clip.EncodeCheckedImages);
    }

    /// <summary>Judges a picture; one that is accepted must be given to <see cref="Accept"/>.</summary>
    public ReferenceVerdict Judge(string prompt, ImageBuffer image)
    {
        var background = PlainBackground.Of(image, _options.BackgroundTolerance);
        var verdict = new ReferenceVerdict(background.PlainBorder, background.Foreground, null, null, null, null);
        if (verdict.PlainBorder < _options.MinPlainBorder)
            return verdict with { Rejection = ReferenceRejection.BackgroundNotPlain };
        if (verdict.Foreground < _options.MinForeground)
            return verdict with { Rejection = ReferenceRejection.ObjectTooSmall };
        if (verdict.Foreground > _options.MaxForeground)
            return verdict with { Rejection = ReferenceRejection.ObjectTooLarge };
        if (_options.MinClipT is double minClipT)
        {
            verdict = verdict with { ClipT = ClipT(prompt, image) };
            if (verdict.ClipT < minClipT)
                return verdict with { Rejection = ReferenceRejection.PromptNotFollowed };
        }
        if (_options.MaxSimilarity is double maxSimilarity && _references.Count > 0)
        {
            float[] feature = Feature(image);
            (double similarity, int sample) = _references.Select((r, i) => (EmbeddingCache.Cosine(feature, r), i)).MaxBy(s => s.Item1);
            verdict = verdict with { Similarity = similarity, MostSimilar = sample };
            if (similarity > maxSimilarity)
                return verdict with { Rejection = ReferenceRejection.NearDuplicate };
        }
        return verdict;
    }

    /// <summary>Adds the next reference.</summary>
    public void Accept(ImageBuffer image)
    {
        if (_features is not null)
            _references.Add(Feature(image));
    }

    // One image at a time: in a batch its last bits would depend on the others, and a continued run must decide as the first one did.
    private float[] Feature(ImageBuffer image) => _features!.Encode([image])[0];

    private double ClipT(string prompt, ImageBuffer image)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return EmbeddingCache.Cosine(_clipImages!.Encode([image])[0], EmbeddingCache.Normalized(_clip!.EncodeCheckedTexts([prompt]))[0]);
    }
}
