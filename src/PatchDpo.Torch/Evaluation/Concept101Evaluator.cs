using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Measures pictures of several objects as MIP-Adapter's evaluation of Concept101 does: DINO, CLIP-I and CLIP-T.</summary>
/// <remarks>
/// The mean over all (picture, photo) pairs of an object, the mean of a combination's objects, the unweighted mean over combinations, in float32.
/// Encoders are not disposed. Files are opened as they are needed; a concept's photos once.
/// </remarks>
public sealed class Concept101Evaluator
{
    private readonly EmbeddingCache? _dino, _clip;
    private readonly IImageTextEncoder? _texts;
    private readonly IReadOnlyList<EvaluationModel> _models;
    private readonly Concept101EvaluatorOptions _options;
    private readonly Dictionary<(string DataSet, string Concept), IReadOnlyList<(float[]? Dino, float[]? Clip)>> _photos = [];

    /// <summary>Creates an evaluator; a metric whose model is null is left out of the result.</summary>
    /// <param name="dino">Gives class tokens; DINO ViT-S/16 for published figures.</param>
    /// <param name="clip">Gives image and text embeddings; CLIP ViT-B/32 for published figures.</param>
    /// <param name="models">Who the models are, for the result to carry.</param>
    /// <param name="options">The settings; null: the defaults.</param>
    /// <exception cref="ArgumentException">There is no model at all.</exception>
    public Concept101Evaluator(
        IVisionEncoder? dino, IImageTextEncoder? clip, IReadOnlyList<EvaluationModel>? models = null, Concept101EvaluatorOptions? options = null)
    {
        if (dino is null && clip is null)
            throw new ArgumentException("An evaluation needs at least one of DINO and CLIP.");
        _dino = dino is null ? null : new EmbeddingCache(dino.Preprocessor, dino.Device, pixels => dino.EncodeGlobal(pixels).Global);
        _clip = clip is null ? null : new EmbeddingCache(clip.Preprocessor, clip.Device, clip.EncodeCheckedImages);
        (_texts, _models, _options) = (clip, models ?? [], options ?? new());
    }

    /// <summary>Evaluates pictures.</summary>
    /// <param name="dataSet">The data set's folder, for the photos.</param>
    /// <param name="pictures">Pictures of one or more combinations.</param>
    /// <param name="cancellationToken">Looked at between batches.</param>
    /// <exception cref="EmptyDataException">There is no picture.</exception>
    /// <exception cref="BenchmarkDataException">The data set has no photo of an object.</exception>
    /// <exception cref="InvalidImageException">A file is no image.</exception>
    /// <exception cref="NonFiniteOutputException">A model gives NaN or infinite numbers; the message names it and the file.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Concept101Metrics Evaluate(string dataSet, IReadOnlyList<Concept101File> pictures, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(dataSet);
        ArgumentNullException.ThrowIfNull(pictures);
        if (pictures.Count == 0)
            throw new EmptyDataException("There is no generated image to evaluate.");
        string[] captions = [.. pictures.Select(p => p.Caption(_options.CaptionRule))];
        IReadOnlyList<TruncatedPrompt> truncated = _texts?.FindTruncated(captions) ?? [];
        List<Concept101CombinationMetrics> combinations = [];
        int done = 0;
        foreach (IGrouping<Concept101Combination, Concept101File> group in pictures.GroupBy(p => p.Combination))
        {
            foreach (Concept101Object subject in group.Key.Objects.Where(o => !_photos.ContainsKey((dataSet, o.Concept))))
                _photos.Add((dataSet, subject.Concept), [.. Embed(Concept101.Photos(dataSet, subject), cancellationToken)]);
            (float[]? Dino, float[]? Clip)[] generated = [.. Embed([.. group.Select(p => p.Path)], cancellationToken, () => _options.Progress?.Report(++done))];
            combinations.Add(new Concept101CombinationMetrics(
                group.Key.Index, generated.Length, ClipT([.. group], generated),
                [.. group.Key.Objects.Select(o => Fidelity(o, generated, _photos[(dataSet, o.Concept)]))]));
        }
        return new Concept101Metrics(_options.CaptionRule, combinations, _models) { TruncatedCaptions = truncated };
    }

    private static Concept101ObjectMetrics Fidelity(
        Concept101Object subject, (float[]? Dino, float[]? Clip)[] generated, IReadOnlyList<(float[]? Dino, float[]? Clip)> photos)
    {
        return new Concept101ObjectMetrics(subject.Concept, photos.Count, Mean(e => e.Clip), Mean(e => e.Dino));

        double? Mean(Func<(float[]? Dino, float[]? Clip), float[]?> of)
            => of(generated[0]) is null ? null : generated.Average(g => photos.Average(p => EmbeddingCache.Cosine(of(g)!, of(p)!)));
    }

    private double? ClipT(Concept101File[] pictures, (float[]? Dino, float[]? Clip)[] generated)
    {
        if (_texts is null)
            return null;
        double sum = 0;
        int first = 0;
        foreach (Concept101File[] batch in pictures.Chunk(_options.BatchSize))
        {
            using TorchSharp.torch.Tensor embeddings = FiniteOutput.Renamed(
                () => _texts.EncodeCheckedTexts([.. batch.Select(p => p.Caption(_options.CaptionRule))]), i => ($"the caption of '{batch[i].Path}'", i));
            foreach (float[] text in EmbeddingCache.Normalized(embeddings))
                sum += Concept101.ClipTWeight * Math.Max(EmbeddingCache.Cosine(generated[first++].Clip!, text), 0);
        }
        return sum / pictures.Length;
    }

    private IEnumerable<(float[]? Dino, float[]? Clip)> Embed(IReadOnlyList<string> files, CancellationToken cancellationToken, Action? each = null)
    {
        if (files.Count == 0)
            yield break;
        string[][] batches = [.. files.Chunk(_options.BatchSize)];
        Task<ImageBuffer[]> loading = Load(batches[0]);
        try
        {
            for (int b = 0; b < batches.Length; b++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                string[] batch = batches[b];
                ImageBuffer[] images = loading.GetAwaiter().GetResult();
                // The next one's files are decoded while this one is encoded.
                loading = b + 1 < batches.Length ? Load(batches[b + 1]) : Task.FromResult<ImageBuffer[]>([]);
                float[][]? dino = Encode(_dino), clip = Encode(_clip);
                for (int i = 0; i < batch.Length; i++)
                {
                    each?.Invoke();
                    yield return (dino?[i], clip?[i]);
                }

                float[][]? Encode(EmbeddingCache? cache)
                    => cache is null ? null : FiniteOutput.Renamed(() => cache.Encode(images), i => ($"the image '{batch[i]}'", i));
            }
        }
        finally
        {
            // Also when the caller has left: no file is read any more then.
            Task.WhenAny(loading).Wait(CancellationToken.None);
        }
    }

    private static Task<ImageBuffer[]> Load(string[] files) => Task.Run(() =>
    {
        var images = new ImageBuffer[files.Length];
        ParallelItems.For(files.Length, i => images[i] = ImageFile.Load(files[i]));
        return images;
    });
}
