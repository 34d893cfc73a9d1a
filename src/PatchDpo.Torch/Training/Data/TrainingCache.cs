using PatchDpo.Torch.Clip;
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
/// Everything frozen that training reads, computed once and kept in the CPU's memory: latents, text states, image prompt tokens, sizes and weights.
/// </summary>
internal sealed class TrainingCache : IDisposable
{
    // Images encoded together; a matter of memory alone.
    private const int EncodeBatch = 8;

    private readonly Tensor _latents;
    private readonly TextConditions _text;
    private readonly Tensor _tokens;
    private readonly PairSizes _sizes;
    private readonly Tensor _weights;
    private readonly long[] _textRows;
    private readonly long[][] _tokenRows;

    /// <summary>Encodes all pairs; an image that several have is encoded once.</summary>
    public TrainingCache(PersonalizedModel model, IReadOnlyList<TrainingPair> pairs, PatchDpoTrainerOptions options, ITrainingObjective objective,
        CancellationToken cancellation)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        int size = model.CheckSide(options.Size ?? Math.Min(model.ImageSize, 512), nameof(options.Size));
        int grid = size / model.LatentScale;

        CheckImagePrompts(pairs);
        string[] prompts = [.. pairs.Select(p => p.Prompt).Distinct()];
        Dictionary<string, long> textRows = Rows(prompts);
        ImageBuffer[] imagePrompts = [.. pairs.SelectMany(ImagePrompts).Distinct()];
        Dictionary<ImageBuffer, long> tokenRows = Rows(imagePrompts);
        _textRows = [.. pairs.Select(p => textRows[p.Prompt])];
        _tokenRows = [.. pairs.Select(p => ImagePrompts(p).Select(i => tokenRows[i]).ToArray())];

        PromptTooLongException.ThrowIfAny([.. pairs.Select(p => p.Prompt)], options.MaxPromptCharacters);
        TruncatedPrompts = model.FindTruncatedPrompts([.. pairs.Select(p => p.Prompt)]);
        TruncatedPromptException.ThrowIfAny(TruncatedPrompts, options.RefuseTruncatedPrompts);
        // The last rows stand for a dropped prompt and a dropped image.
        _text = TextConditions.Concat(
            [.. Encode([.. prompts, ""], chunk => model.EncodeText(chunk, options.MaxPromptCharacters).Map(t => t.cpu()), i => i == prompts.Length
            ? ("the empty prompt", i) : Of("the prompt", Array.IndexOf(_textRows, i)))]);
        Tensor[] tokens = [.. Encode(imagePrompts, chunk => model.ProjectReferences(model.EncodeReferences(chunk)).cpu(),
            i => Of("an image prompt", Array.FindIndex(_tokenRows, r => r.Contains(i))))];
        _tokens = cat([.. tokens, model.ProjectReferences(model.EncodeDroppedReference(1)).cpu()]);
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

        IEnumerable<T> Encode<TItem, T>(TItem[] items, Func<TItem[], T> encode, Func<int, (string, int)> name)
        {
            int first = 0;
            foreach (TItem[] chunk in items.Chunk(EncodeBatch))
            {
                cancellation.ThrowIfCancellationRequested();
                yield return FiniteOutput.Renamed(() => encode(chunk), i => name(first + i));
                first += chunk.Length;
            }
        }
    }

    /// <summary>Number of pairs, P.</summary>
    public int Count => _textRows.Length;

    /// <summary>The pairs' prompts that the text encoder cuts.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedPrompts { get; }

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
        Tensor text = tensor(pairs.Select((p, i) => dropText[i] ? _text.HiddenStates.shape[0] - 1 : _textRows[p]).ToArray());
        var sizes = new PairSizes(_sizes.Original.index_select(0, rows), _sizes.CropTopLeft.index_select(0, rows), _sizes.Target.index_select(0, rows));
        return TrainingBatch.OfPairs(
            ReferencesFirst(_latents, rows).to(device), noise.to(device), timesteps.to(device),
            _text.Map(t => t.index_select(0, text).to(device)),
            ImagePromptTokens([.. pairs.Select((p, i) => dropImage[i] ? [_tokens.shape[0] - 1] : _tokenRows[p])]).to(device),
            (officialTimeIds ? sizes.OfficialTimeIds() : sizes.TimeIds()).to(device),
            ReferencesFirst(_weights, rows).unsqueeze(1).to(device));
    }

    public void Dispose()
    {
        foreach (Tensor kept in Tensors)
            kept.Dispose();
    }

    private IEnumerable<Tensor> Tensors
        => new[] { _latents, _text.HiddenStates, _text.Pooled, _tokens, _sizes.Original, _sizes.CropTopLeft, _sizes.Target, _weights }.OfType<Tensor>();

    /// <summary>Of each chosen pair: all references' rows, then all generated images'. <c>(P,2,...) -> (2B,...)</c></summary>
    private static Tensor ReferencesFirst(Tensor perPair, Tensor rows) => perPair.index_select(0, rows).transpose(0, 1).flatten(0, 1);

    /// <summary>The image prompts of B pairs, given by the rows of their token sets: <c>(B,S*N,C)</c>.</summary>
    private Tensor ImagePromptTokens(long[][] rows)
        => ReferenceTokens.Concatenate(_tokens.index_select(0, tensor([.. rows.SelectMany(r => r)])), [.. rows.Select(r => r.Length)]);

    private static IReadOnlyList<ImageBuffer> ImagePrompts(TrainingPair pair) => pair.ImagePrompts ?? [pair.Reference];

    private static void CheckImagePrompts(IReadOnlyList<TrainingPair> pairs)
    {
        for (int i = 0; i < pairs.Count; i++)
            if (pairs[i].ImagePrompts is { } images && (images.Count == 0 || images.Any(image => image is null)))
                throw new ArgumentException($"Pair {i} has {(images.Count == 0 ? "an empty list of image prompts" : "null for one of its image prompts")}; "
                    + "leave the list null where the reference is the image prompt.", nameof(pairs));
        int[] counts = [.. pairs.Select(p => ImagePrompts(p).Count).Distinct()];
        if (ReferenceTokens.CommonSets(counts) is null)
            throw new ArgumentException($"Pairs have {string.Join(", ", counts)} image prompts: the least common multiple of these numbers is above "
                + $"{ReferenceTokens.MaxCommonSets}, so a batch would repeat them too often. Train them apart.", nameof(pairs));
    }

    private static Dictionary<T, long> Rows<T>(T[] items) where T : notnull
        => items.Select((item, i) => (item, i)).ToDictionary(x => x.item, x => (long)x.i);

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
