using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>
/// Everything frozen that training reads, computed once and kept in the CPU's memory: latents, text states, image prompts, sizes and weights.
/// </summary>
internal sealed class TrainingCache : IDisposable
{
    // Images encoded together; a matter of memory alone.
    private const int EncodeBatch = 8;

    private readonly ImagePromptEncoder _encoder;
    private readonly Tensor _latents;
    private readonly TextConditions _text;
    private readonly ImagePrompt _imagePrompts;
    private readonly PairSizes _sizes;
    private readonly Tensor _weights;
    private readonly string[] _prompts;
    private readonly long[][] _imageRows;
    private readonly Dictionary<(string Prompt, string Images), long> _textRows = [];

    /// <summary>Encodes all pairs; an image that several have is encoded once, and so is a prompt.</summary>
    public TrainingCache(PersonalizedModel model, IReadOnlyList<TrainingPair> pairs, PatchDpoTrainerOptions options, ITrainingObjective objective,
        CancellationToken cancellationToken)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        int size = model.CheckSide(options.Size ?? Math.Min(model.ImageSize, 512), nameof(options.Size));
        int grid = size / model.LatentScale;
        _encoder = model.References;

        CheckImagePrompts(pairs);
        Warnings = [.. pairs.SelectMany((p, i) => _encoder.Warnings(p.Prompt, ImagePrompts(p), Fusion).Select(w => $"Pair {i}: {w}"))];
        _prompts = [.. pairs.Select(p => p.Prompt)];
        ReferenceImage[] imagePrompts = [.. pairs.SelectMany(ImagePrompts).Distinct(ReferenceContentComparer.Instance)];
        Dictionary<ReferenceImage, long> imageRows = imagePrompts.Select((item, i) => (item, i)).ToDictionary(
            x => x.item, x => (long)x.i, ReferenceContentComparer.Instance);
        _imageRows = [.. pairs.Select(p => ImagePrompts(p).Select(i => imageRows[i]).ToArray())];

        PromptTooLongException.ThrowIfAny(_prompts, options.MaxPromptCharacters);
        TruncatedPrompts = model.FindTruncatedPrompts(_prompts);
        TruncatedPromptException.ThrowIfAny(TruncatedPrompts, options.RefuseTruncatedPrompts);
        ImagePrompt[] encoded = [.. Encode(imagePrompts, chunk => model.EncodeReferences(chunk).Map(t => t.cpu()),
            i => Of("an image prompt", Array.FindIndex(_imageRows, r => r.Contains(i))))];
        // The last row stands for a dropped image.
        _imagePrompts = ImagePrompt.Concat([.. encoded, model.EncodeDroppedReference(1).Map(t => t.cpu())]);
        (string Prompt, long[] Images, int Pair)[] texts = [.. Texts()];
        _text = TextConditions.Concat(
            [.. Encode(texts, EncodeTexts, i => texts[i].Prompt.Length == 0 ? ("the empty prompt", i) : Of("the prompt", texts[i].Pair))]);
        ImageBuffer[] images = [.. pairs.SelectMany(p => new[] { p.Reference, p.Generated })];
        Tensor[] latents = [.. Encode(
            images, chunk => model.EncodeLatents(chunk, size).cpu(), i => Of(i % 2 == 0 ? "the reference" : "the generated image", i / 2))];
        _latents = cat(latents).reshape(pairs.Count, 2, model.LatentChannels, grid, grid);
        _sizes = Sizes(images, size);
        _weights = objective.Weights(pairs, grid, grid);
        // Only now, so that a failure or a cancellation on the way leaves nothing behind.
        foreach (Tensor kept in Tensors)
            kept.DetachFromDisposeScope();

        (string, int) Of(string what, int pair) => ($"{what} of pair {pair}", pair);

        TextConditions EncodeTexts((string Prompt, long[] Images, int Pair)[] chunk)
        {
            ImagePrompt? images = _encoder.ChangesText
                ? ImagePromptsOf([.. chunk.Select(t => t.Images)], [.. chunk.Select(t => t.Prompt)]).Map(t => t.to(model.Device)) : null;
            return model.EncodeText([.. chunk.Select(t => t.Prompt)], options.MaxPromptCharacters, images).Map(t => t.cpu());
        }

        IEnumerable<T> Encode<TItem, T>(TItem[] items, Func<TItem[], T> encode, Func<int, (string, int)> name)
        {
            int first = 0;
            foreach (TItem[] chunk in items.Chunk(EncodeBatch))
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return FiniteOutput.Renamed(() => encode(chunk), i => name(first + i));
                first += chunk.Length;
            }
        }
    }

    /// <summary>Number of pairs, P.</summary>
    public int Count => _prompts.Length;

    /// <summary>How many different image prompts' references there are.</summary>
    internal long ReferenceCount => _imagePrompts.Rows - 1;

    /// <summary>The pairs' prompts that the text encoder cuts.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedPrompts { get; }

    /// <summary>What the adapter's family has to say of the pairs' references.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Shape of one image's latents: C, h, w.</summary>
    public long[] LatentShape => _latents.shape[2..];

    /// <summary>Puts a batch together, on a device, in the current dispose scope.</summary>
    /// <param name="pairs">Indices of B pairs.</param>
    /// <param name="dropText">Whose prompts are dropped.</param>
    /// <param name="dropImage">Whose image prompts are dropped.</param>
    /// <param name="noise"><c>(B,C,h,w)</c>.</param>
    /// <param name="timesteps"><c>(B)</c>.</param>
    /// <param name="officialTimeIds">The official script's rows of sizes.</param>
    /// <param name="device">Where the batch goes.</param>
    public TrainingBatch Batch(long[] pairs, bool[] dropText, bool[] dropImage, Tensor noise, Tensor timesteps, bool officialTimeIds, Device device)
    {
        Tensor rows = tensor(pairs);
        long[][] images = [.. pairs.Select((p, i) => dropImage[i] ? Dropped : _imageRows[p])];
        string[] prompts = [.. pairs.Select((p, i) => dropText[i] ? "" : _prompts[p])];
        Tensor text = tensor(prompts.Select((p, i) => _textRows[TextKey(p, images[i])]).ToArray());
        var sizes = new PairSizes(_sizes.Original.index_select(0, rows), _sizes.CropTopLeft.index_select(0, rows), _sizes.Target.index_select(0, rows));
        return TrainingBatch.OfPairs(
            ReferencesFirst(_latents, rows).to(device), noise.to(device), timesteps.to(device),
            _text.Map(t => t.index_select(0, text).to(device)),
            ImagePromptsOf(images, prompts).Map(t => t.to(device)),
            (officialTimeIds ? sizes.OfficialTimeIds() : sizes.TimeIds()).to(device),
            ReferencesFirst(_weights, rows).unsqueeze(1).to(device));
    }

    public void Dispose()
    {
        // An image prompt whose first tensor is gone gives none of them.
        foreach (Tensor kept in Tensors.ToArray())
            kept.Dispose();
    }

    private IEnumerable<Tensor> Tensors
        => new[] { _latents, _text.HiddenStates, _text.Pooled, _sizes.Original, _sizes.CropTopLeft, _sizes.Target, _weights }.OfType<Tensor>()
            .Concat(_imagePrompts.Names.Select(n => _imagePrompts[n]));

    // A pair's image prompts each show another object.
    private ReferenceFusion Fusion => _encoder.ObjectFusion;

    private long[] Dropped => [_imagePrompts.Rows - 1];

    /// <summary>Of each chosen pair: all references' rows, then all generated images'. <c>(P,2,...) -> (2B,...)</c></summary>
    private static Tensor ReferencesFirst(Tensor perPair, Tensor rows) => perPair.index_select(0, rows).transpose(0, 1).flatten(0, 1);

    /// <summary>The image prompts of B pairs, given by the rows of their images, beside their prompts.</summary>
    private ImagePrompt ImagePromptsOf(long[][] rows, string[] prompts)
    {
        Tensor places = tensor([.. rows.SelectMany(r => r)]);
        ImagePrompt fused = _encoder.Fuse(_imagePrompts.Map(t => t.index_select(0, places)), [.. rows.Select(r => r.Length)], null, Fusion);
        return _encoder.Locate(fused, prompts);
    }

    /// <summary>Every text that a batch can ask for: the pairs' prompts, then the empty one; with every image prompt where that changes the text.</summary>
    private IEnumerable<(string Prompt, long[] Images, int Pair)> Texts()
    {
        foreach (bool dropText in new[] { false, true })
            foreach (bool dropImage in new[] { false, true })
                for (int pair = 0; pair < _prompts.Length; pair++)
                {
                    (string prompt, long[] images) = (dropText ? "" : _prompts[pair], dropImage ? Dropped : _imageRows[pair]);
                    if (_textRows.TryAdd(TextKey(prompt, images), _textRows.Count))
                        yield return (prompt, images, pair);
                }
    }

    // What a text's states depend on.
    private (string, string) TextKey(string prompt, long[] images) => (prompt, _encoder.ChangesText ? string.Join(',', images) : "");

    private static IReadOnlyList<ReferenceImage> ImagePrompts(TrainingPair pair) => pair.ImagePrompts ?? [pair.Reference];

    private void CheckImagePrompts(IReadOnlyList<TrainingPair> pairs)
    {
        for (int i = 0; i < pairs.Count; i++)
            if (pairs[i].ImagePrompts is { } images && (images.Count == 0 || images.Any(image => image is null)))
                throw new ArgumentException($"Pair {i} has {(images.Count == 0 ? "an empty list of image prompts" : "null for one of its image prompts")}; "
                    + "leave the list null where the reference is the image prompt.", nameof(pairs));
        int[] counts = [.. pairs.Select(p => ImagePrompts(p).Count).Distinct()];
        if (_encoder.WhyNotTogether(counts, Fusion) is string reason)
            throw new ArgumentException($"Pairs have {string.Join(", ", counts)} image prompts: {reason}. Train them apart.", nameof(pairs));
        for (int i = 0; i < pairs.Count; i++)
            if ((_encoder.WhyUnsuitable(pairs[i].Prompt, ImagePrompts(pairs[i]), Fusion) ?? _encoder.WhyUntrainable(ImagePrompts(pairs[i]))) is string problem)
                throw new UnsuitableReferencesException($"pair {i}", i, problem);
    }

    /// <summary>Sizes of the files, and what the centre crop to a square of <paramref name="size"/> leaves out.</summary>
    private static PairSizes Sizes(ImageBuffer[] images, int size)
    {
        static float Offset(int length, int shorter, int size) => (float)Math.Round((((long)size * length / shorter) - size) / 2.0);
        Tensor Build(Func<ImageBuffer, float> rows, Func<ImageBuffer, float> columns)
            => tensor(images.SelectMany(i => new[] { rows(i), columns(i) }).ToArray()).reshape(-1, 2, 2);
        return new PairSizes(
            Build(i => i.Height, i => i.Width),
            Build(i => Offset(i.Height, Math.Min(i.Width, i.Height), size), i => Offset(i.Width, Math.Min(i.Width, i.Height), size)),
            Build(_ => size, _ => size));
    }
}
