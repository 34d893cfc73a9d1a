using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>One pass over the pairs: each is checked and recorded, and what the store lacks of it is encoded.</summary>
internal sealed class PairEncoding
{
    // A list of all would grow with the data.
    private const int MaxWarnings = 10_000;

    // Prompts that were looked at last; many pairs share one.
    private const int KnownPrompts = 4_096;

    private readonly PersonalizedModel _model;
    private readonly PatchDpoTrainerOptions _options;
    private readonly ConditionStore _store;
    private readonly CancellationToken _cancellationToken;
    private readonly ProjectedPromptEncoder? _projected;
    private readonly ConditionQueue<(ReferenceImage Reference, int Photos)> _imagePrompts;
    private readonly ConditionQueue<ImageBuffer> _latents;
    private readonly ConditionQueue<(string Prompt, UInt128[] Images)> _texts;
    private readonly ConditionQueue<int> _dropped;
    private readonly HashSet<int> _counts = [];
    private readonly Dictionary<string, TruncatedPrompt?> _known = new(StringComparer.Ordinal);
    private readonly List<TruncatedPrompt> _truncated = [];
    private readonly List<string> _warnings = [];

    /// <param name="model">Who encodes.</param>
    /// <param name="options">What is refused.</param>
    /// <param name="store">Where it goes.</param>
    /// <param name="size">Side of the latents' images in pixels.</param>
    /// <param name="cancellationToken">Looked at before each pair, and before anything is encoded.</param>
    public PairEncoding(PersonalizedModel model, PatchDpoTrainerOptions options, ConditionStore store, int size, CancellationToken cancellationToken)
    {
        (_model, _options, _store, _cancellationToken) = (model, options, store, cancellationToken);
        _projected = options.TrainsProjection ? (ProjectedPromptEncoder)model.References : null;
        string images = _projected is null ? ConditionKinds.Image : ConditionKinds.ImageFeatures;
        _imagePrompts = new(store, images, Encode, cancellationToken, model.References.IsGeometry);
        _latents = new(store, ConditionKinds.Latents(size), images => ConditionKinds.TensorsOf(model.EncodeLatents(images, size)), cancellationToken);
        _dropped = new(store, images, EncodeDropped, cancellationToken, model.References.IsGeometry);
        _texts = new(store, ConditionKinds.Text, EncodeTexts, cancellationToken);
    }

    /// <summary>The pairs' prompts that the text encoder cuts, the first ten thousand of them.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedPrompts => _truncated;

    /// <summary>What the adapter's family has to say of the pairs' references, the first ten thousand sentences.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    // A pair's image prompts each show another object.
    private ReferenceFusion Fusion => _model.References.ObjectFusion;

    /// <summary>Encodes the pairs and records them; the store has all of them then.</summary>
    public void Run(IEnumerable<TrainingPair> pairs, PairRecords records)
    {
        using IDisposable noGrad = no_grad();
        try
        {
            foreach (TrainingPair pair in pairs)
            {
                _cancellationToken.ThrowIfCancellationRequested();
                Add(pair, records.Count);
                records.Add(PairRecord.Of(pair));
            }
            EncodeImagePrompts();
            _texts.Finish();
            _latents.Finish();
            records.Flush();
        }
        finally
        {
            // Also of what is cancelled or fails: what was encoded is not encoded again.
            _store.Flush();
        }
    }

    private void Add(TrainingPair pair, int number)
    {
        ArgumentNullException.ThrowIfNull(pair);
        CheckPrompt(pair.Prompt, number);
        CheckImagePrompts(pair, number);
        if (pair.ReferenceQuality is null || pair.GeneratedQuality is null)
            throw new ArgumentException(
                $"Pair {number} has no quality map of its {(pair.ReferenceQuality is null ? "reference" : "generated image")}.", "pairs");
        IReadOnlyList<ReferenceImage> images = PairRecord.ImagePromptsOf(pair);
        UInt128[] own = [.. images.Select(PairRecord.ContentOf)];
        foreach ((ReferenceImage image, UInt128 content) in images.Zip(own))
            AddImagePrompt(image, content, number);
        // Every text that a batch can ask for; with every image prompt where that changes it.
        foreach (string prompt in new[] { pair.Prompt, "" })
            foreach (UInt128[] shown in _model.References.ChangesText ? new[] { own, [ConditionKinds.DroppedImage] } : [own])
                _texts.Add(TextContent(prompt, shown), (prompt, shown), prompt.Length == 0 ? "the empty prompt" : "the prompt", number);
        _latents.Add(pair.Reference.Content, pair.Reference, "the reference", number);
        _latents.Add(pair.Generated.Content, pair.Generated, "the generated image", number);
    }

    private void AddImagePrompt(ReferenceImage reference, UInt128 content, int number)
    {
        if (_projected is null)
        {
            _imagePrompts.Add(content, (reference, 1), "an image prompt", number);
            return;
        }
        // Photos are averaged behind the projection, so that each has features of its own.
        foreach ((int i, ImageBuffer photo) in reference.Photos.Index())
        {
            ReferenceImage alone = new(photo) { Name = reference.Name, Mask = reference.Mask, Box = reference.Box, Scale = reference.Scale };
            _imagePrompts.Add(ConditionKinds.PhotoContent(content, i), (alone, 1 + reference.OtherPhotos.Count), "an image prompt", number);
        }
    }

    private IEnumerable<KeyValuePair<string, Tensor>> Encode((ReferenceImage Reference, int Photos)[] items)
    {
        ReferenceImage[] references = [.. items.Select(i => i.Reference)];
        return _projected is null ? ConditionKinds.TensorsOf(_model.References.Encode(references))
            : ConditionKinds.TensorsOf(_projected.EncodeFeatures(references), items.Select(i => i.Photos));
    }

    private IEnumerable<KeyValuePair<string, Tensor>> EncodeDropped(int[] rows)
        => _projected is null ? ConditionKinds.TensorsOf(_model.EncodeDroppedReference(rows.Length))
            : ConditionKinds.TensorsOf(_projected.EncodeDroppedFeatures(rows.Length), rows.Select(_ => 1));

    private void EncodeImagePrompts()
    {
        _imagePrompts.Finish();
        _dropped.Add(ConditionKinds.DroppedImage, 1, "the dropped image prompt", 0);
        _dropped.Finish();
    }

    private UInt128 TextContent(string prompt, UInt128[] images)
        => ConditionKinds.TextContent(PairRecord.ContentOf(prompt), _model.References.ChangesText ? images : null);

    private IEnumerable<KeyValuePair<string, Tensor>> EncodeTexts((string Prompt, UInt128[] Images)[] texts)
    {
        ImagePrompt? images = null;
        if (_model.References.ChangesText)
        {
            EncodeImagePrompts();
            UInt128[] all = [.. texts.SelectMany(t => t.Images)];
            images = _model.References.Fuse(new ImagePrompt(_store.Read(ConditionKinds.Image, all)), [.. texts.Select(t => t.Images.Length)], null, Fusion);
            images = _model.References.Locate(images, [.. texts.Select(t => t.Prompt)]).Map(t => t.to(_model.Device));
        }
        return ConditionKinds.TensorsOf(_model.EncodeText([.. texts.Select(t => t.Prompt)], _options.MaxPromptCharacters, images));
    }

    private void CheckPrompt(string prompt, int number)
    {
        EmptyPromptException.ThrowIf(prompt, number);
        if (prompt.Length > _options.MaxPromptCharacters)
            throw new PromptTooLongException(number, prompt.Length, _options.MaxPromptCharacters);
        if (!_known.TryGetValue(prompt, out TruncatedPrompt? truncated))
        {
            if (_known.Count == KnownPrompts)
                _known.Clear();
            _known.Add(prompt, truncated = _model.FindTruncatedPrompts([prompt]).FirstOrDefault());
        }
        if (truncated is null || _truncated.Count == MaxWarnings)
            return;
        _truncated.Add(truncated with { Index = number });
        TruncatedPromptException.ThrowIfAny(_truncated, _options.RefuseTruncatedPrompts);
    }

    private void CheckImagePrompts(TrainingPair pair, int number)
    {
        if (pair.ImagePrompts is { } images && (images.Count == 0 || images.Any(image => image is null)))
            throw new ArgumentException($"Pair {number} has {(images.Count == 0 ? "an empty list of image prompts" : "null for one of its image prompts")}; "
                + "leave the list null where the reference is the image prompt.", "pairs");
        if (_counts.Add(PairRecord.ImagePromptsOf(pair).Count) && _model.References.WhyNotTogether(_counts, Fusion) is string reason)
            throw new ArgumentException($"Pairs have {string.Join(", ", _counts)} image prompts: {reason}. Train them apart.", "pairs");
        IReadOnlyList<ReferenceImage> references = PairRecord.ImagePromptsOf(pair);
        if ((_model.References.WhyUnsuitable(pair.Prompt, references, Fusion) ?? _model.References.WhyUntrainable(references)) is string problem)
            throw new UnsuitableReferencesException($"pair {number}", number, problem);
        _warnings.AddRange(_model.References.Warnings(pair.Prompt, references, Fusion).Select(w => $"Pair {number}: {w}").Take(MaxWarnings - _warnings.Count));
    }
}
