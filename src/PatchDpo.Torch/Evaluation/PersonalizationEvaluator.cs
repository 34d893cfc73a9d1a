using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Measures generated images against their subjects' photos and their prompts: DINO, CLIP-I, CLIP-T and patch quality.</summary>
/// <remarks>
/// As DreamBench has it: the mean over all (generation, reference) pairs of a subject, then the unweighted mean over subjects,
/// in float32. Encoders are not disposed. Rows are read once, in batches, and each picture is encoded once, on whatever rows and sides it stands; of the
/// images only embeddings, up to <see cref="PersonalizationEvaluatorOptions.MaxCacheBytes"/>, and the scores stay.
/// </remarks>
/// <example><code language="csharp">
/// using EvaluationModels models = EvaluationModels.LoadEmbedded();   // for figures of papers: EvaluationModels.FromFolders(dino, clip, null)
/// PersonalizationEvaluator evaluator = models.CreateEvaluator();
/// PersonalizationMetrics metrics = evaluator.Evaluate(
/// [
///     new EvaluationRow("cat", "a cat, on a beach", ImageFile.Load("generated/cat.png"), [ImageFile.Load("photos/cat.png")]),
///     new EvaluationRow("robot", "a robot, on a beach", ImageFile.Load("generated/robot.png"), [ImageFile.Load("photos/robot.png")]),
/// ]);
/// new EvaluationReport(metrics).WriteJson("scores.json");
/// </code></example>
public sealed class PersonalizationEvaluator
{
    private readonly IVisionEncoder? _dino;
    private readonly IImageTextEncoder? _clip;
    private readonly PatchQualityEstimator? _patchQuality;
    private readonly IVisionEncoder? _subject;
    private readonly IReadOnlyList<EvaluationModel> _models;
    private readonly PersonalizationEvaluatorOptions _options;

    /// <summary>Creates an evaluator; a metric whose model is null is left out of the result.</summary>
    /// <param name="dino">Gives class tokens for DINO; DINO ViT-S/16 for DreamBench.</param>
    /// <param name="clip">Gives image and text embeddings for CLIP-I and CLIP-T; CLIP ViT-B/32 for DreamBench.</param>
    /// <param name="patchQuality">Gives the patch quality score.</param>
    /// <param name="models">Who the models are, for the result to carry.</param>
    /// <param name="options">The settings; null: the defaults.</param>
    /// <param name="subject">Gives whole-image features for the subject similarity; any encoder.</param>
    /// <exception cref="ArgumentException">There is no model at all.</exception>
    public PersonalizationEvaluator(
        IVisionEncoder? dino, IImageTextEncoder? clip, PatchQualityEstimator? patchQuality,
        IReadOnlyList<EvaluationModel>? models = null, PersonalizationEvaluatorOptions? options = null, IVisionEncoder? subject = null)
    {
        if (dino is null && clip is null && patchQuality is null && subject is null)
            throw new ArgumentException("An evaluation needs at least one of DINO, CLIP, a patch quality estimator and an encoder of subjects.");
        (_dino, _clip, _patchQuality, _subject, _models, _options) = (dino, clip, patchQuality, subject, models ?? [], options ?? new());
    }

    /// <summary>Who the models are, as far as the evaluator was told.</summary>
    internal IReadOnlyList<EvaluationModel> Models => _models;

    /// <summary>Whether there is a model for a metric.</summary>
    internal bool Measures(PersonalizationMetric metric) => metric switch
    {
        PersonalizationMetric.Dino => _dino is not null,
        PersonalizationMetric.ClipI or PersonalizationMetric.ClipT => _clip is not null,
        PersonalizationMetric.SubjectSimilarity => _subject is not null,
        _ => _patchQuality is not null,
    };

    /// <summary>Evaluates rows.</summary>
    /// <param name="rows">Generated images of one or more subjects, in any order; read once.</param>
    /// <param name="cancellationToken">Stops between batches.</param>
    /// <exception cref="EmptyDataException">There is no row.</exception>
    /// <exception cref="ArgumentException">
    /// A row lacks its subject or its references, has several references in the Kosmos-G setting, or a mask holds no object or is missing; the message
    /// names the row.
    /// </exception>
    /// <exception cref="EmptyPromptException">A row's prompt is null, or empty where CLIP-T is measured.</exception>
    /// <exception cref="TruncatedPromptException">
    /// CLIP takes fewer tokens than a prompt has, and the options refuse that; the message names the row.
    /// </exception>
    /// <exception cref="NonFiniteOutputException">A model gives NaN or infinite numbers; the message names it and the row.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public PersonalizationMetrics Evaluate(IEnumerable<EvaluationRow> rows, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        EmbeddingCache? dino = OfEncoder(_dino), subject = OfEncoder(_subject);
        ObjectMasks masks = new();
        PatchQualityEstimator? patchQuality = _patchQuality?.Afresh();
        EmbeddingCache? clip = _clip is null ? null : new(_clip.Preprocessor, _clip.Device, _clip.EncodeCheckedImages, _options.MaxCacheBytes);
        List<ImageMetrics> images = [];
        List<TruncatedPrompt> truncated = [];
        int first = 0;
        foreach (EvaluationRow[] batch in rows.Chunk(_options.BatchSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int i = 0; i < batch.Length; i++)
                Check(batch[i], first + i);
            if (_clip is not null)
                truncated.AddRange(_clip.FindTruncated([.. batch.Select(r => r.Prompt)]).Select(t => t with { Index = first + t.Index }));
            TruncatedPromptException.ThrowIfAny(truncated, _options.RefuseTruncatedPrompts);
            images.AddRange(MeasureBatch(batch, first, dino, clip, subject, patchQuality, masks));
            first += batch.Length;
        }
        return PersonalizationMetrics.Of(_options.Setting, images, _models, _options.GenerationSeed) with { TruncatedPrompts = truncated.Count > 0 ? truncated : [] };

        EmbeddingCache? OfEncoder(IVisionEncoder? encoder)
            => encoder is null ? null
                : new(encoder.Preprocessor, encoder.Device, pixels => encoder.EncodeGlobal(pixels).Global, _options.MaxCacheBytes);
    }

    private ImageMetrics[] MeasureBatch(
        EvaluationRow[] rows, int first, EmbeddingCache? dino, EmbeddingCache? clip, EmbeddingCache? subject, PatchQualityEstimator? patchQuality,
        ObjectMasks masks)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        (int Row, ImageBuffer Reference)[] pairs = [.. rows.SelectMany((row, i) => row.References.Select(reference => (i, reference)))];
        ImageBuffer[] generated = [.. rows.Select(r => r.Generated)];
        ScoreSums[] sums = [.. rows.Select(r => new ScoreSums { Pairs = r.References.Count })];

        if (dino is not null)
            AddPairs(dino, (sum, cosine) => sum.Dino = (sum.Dino ?? 0) + cosine);
        if (subject is not null)
            AddPairs(subject, (sum, cosine) => sum.SubjectSimilarity = (sum.SubjectSimilarity ?? 0) + cosine);
        if (clip is not null)
        {
            float[][] images = AddPairs(clip, (sum, cosine) => sum.ClipI = (sum.ClipI ?? 0) + cosine);
            float[][] texts = EmbeddingCache.Normalized(
                FiniteOutput.Renamed(() => _clip!.EncodeCheckedTexts([.. rows.Select(r => r.Prompt)]), i => Named("the prompt", i)));
            for (int i = 0; i < rows.Length; i++)
            {
                double cosine = EmbeddingCache.Cosine(images[i], texts[i]);
                sums[i].ClipT = cosine;
            }
        }
        if (patchQuality is not null)
            AddPatchQuality(patchQuality);
        return [.. rows.Select((r, i) => sums[i].OfImage(first + i, r))];

        (string, int) Named(string what, int row) => ($"{what} of row {first + row} (subject '{rows[row].Subject}')", first + row);

        float[][] AddPairs(EmbeddingCache cache, Action<ScoreSums, double> add)
        {
            float[][] embeddings = cache.Embed(generated, _options.BatchSize, i => Named("the generated image", i));
            float[][] ofReferences = cache.Embed([.. pairs.Select(p => p.Reference)], _options.BatchSize, i => Named("a reference", pairs[i].Row));
            foreach ((int i, (int row, _)) in pairs.Index())
            {
                double cosine = EmbeddingCache.Cosine(embeddings[row], ofReferences[i]);
                add(sums[row], cosine);
            }
            return embeddings;
        }

        void AddPatchQuality(PatchQualityEstimator estimator)
        {
            IEnumerable<bool[,]?> given = rows.SelectMany(r => r.ReferenceMasks ?? new bool[,]?[r.References.Count]);
            IReadOnlyList<PatchQualityResult> results = FiniteOutput.Renamed(
                () => estimator.Score([.. pairs.Select(p => generated[p.Row])], [.. pairs.Select(p => p.Reference)],
                    [.. pairs.Zip(given, (p, mask) => mask ?? (_options.MaskPlainBackground ? masks.Of(p.Reference) : null))],
                    [.. pairs.Select(p => rows[p.Row].GeneratedMask)]),
                i => Named("an image", pairs[i].Row));
            for (int i = 0; i < pairs.Length; i++)
            {
                ScoreSums sum = sums[pairs[i].Row];
                sum.PatchQuality = (sum.PatchQuality ?? 0) + results[i].Score;
            }
        }
    }

    private void Check(EvaluationRow row, int index)
    {
        if (string.IsNullOrEmpty(row.Subject))
            throw new ArgumentException($"Row {index} has no subject.");
        // Without CLIP nothing reads it.
        EmptyPromptException.ThrowIf(row.Prompt, index, allowEmpty: _clip is null);
        if (row.Generated is null)
            throw new ArgumentException($"Row {index} (subject '{row.Subject}') has no image.");
        if (row.References is not { Count: > 0 })
            throw new ArgumentException($"Row {index} (subject '{row.Subject}') has no reference.");
        if (row.ReferenceMasks is { } masks && masks.Count != row.References.Count)
            throw new ArgumentException($"Row {index} (subject '{row.Subject}') has {masks.Count} masks for {row.References.Count} references.");
        if (row.GeneratedMask is bool[,] generated && !generated.Cast<bool>().Contains(true))
            throw new ArgumentException($"Row {index} (subject '{row.Subject}'): the mask of the generated image holds no object.");
        if (row.ReferenceMasks?.Any(m => m is not null && !m.Cast<bool>().Contains(true)) == true)
            throw new ArgumentException($"Row {index} (subject '{row.Subject}'): the mask of a reference holds no object.");
        if (_options.Setting == DreamBenchSetting.KosmosG && row.References.Count > 1)
            throw new ArgumentException($"Row {index} (subject '{row.Subject}') has {row.References.Count} references; the Kosmos-G setting compares with "
                + "one.");
    }

    /// <summary>An image's running sums; a metric that is not measured stays null.</summary>
    private sealed class ScoreSums
    {
        public required int Pairs { get; init; }

        public double? Dino { get; set; }

        public double? ClipI { get; set; }

        public double? ClipT { get; set; }

        public double? PatchQuality { get; set; }

        public double? SubjectSimilarity { get; set; }

        public ImageMetrics OfImage(int place, EvaluationRow row)
            => new(place, row.Subject, row.Prompt, Pairs, Dino / Pairs, ClipI / Pairs, ClipT, PatchQuality / Pairs, SubjectSimilarity / Pairs);
    }
}
