using System.Text;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>
/// Builds a data set for PatchDPO from prompts: references drawn from text, images generated of them, and the quality of both sides' patches.
/// </summary>
/// <remarks>
/// <para>A folder gets <c>pairs</c> in the official layout (<c>sample{k}/{prompt}_entity_0.png</c>, <c>sample{k}/{prompt}_gen_{i}.png</c>,
/// <c>patch_quality.pkl</c>), which can be given to the official script as it is, and beside it <c>maps.safetensors</c> (the quality
/// as it was estimated), <c>rejected</c> (the candidates that did not become references) and <c>manifest.json</c> (true prompts,
/// noise, options, reasons of rejection, SHA-256 of the models' files and of every image). <see cref="PairFolder"/> reads it. With another
/// <see cref="PairBuilderOptions.ImageFormat"/> than PNG, <c>pairs</c> has that format's endings and no pickle: the official script takes PNG only.</para>
/// <para>A build can be stopped or killed at any moment and run again: what is recorded in <c>manifest.partial.jsonl</c> is
/// checked and not made again, and the finished folder has the bytes of one built in one go (on the same machine, with the
/// same number of threads). One process at a time builds a folder: a second one is refused, and a killed one does not stand in the way.</para>
/// <para>The paper's code and data were not released. References on a clean background drawn from text, and generations by
/// the model itself, are the paper's; filter, prompts and numbers are ours.</para>
/// </remarks>
public sealed class PairBuilder
{
    // What the official training runs at, and ours unless told otherwise.
    private const int TrainingSize = 512;

    // When to give up, how several references are put together where a pair has one, what is an error: none decides what is made.
    private static readonly string[] Ignored = [nameof(PairBuilderOptions.MaxCandidates), nameof(GenerationOptions.ReferenceFusion),
        nameof(GenerationOptions.RefuseTruncatedPrompts), nameof(GenerationOptions.AllowEmptyPrompts)];

    private readonly ImageGenerator _generate;
    private readonly Func<IReadOnlyList<ModelIdentity>> _identify;
    private readonly int _latentGrid;
    private readonly IVisionEncoder _encoder;
    private readonly IImageTextEncoder? _clip;
    private readonly PairBuilderOptions _options;
    private readonly Func<IReadOnlyList<string>, IReadOnlyList<TruncatedPrompt>> _findTruncated;
    private readonly Func<string, string?> _whyUnsuitable;

    /// <summary>Creates a builder.</summary>
    /// <param name="model">The model that is to be improved; it draws the references too. It stays the caller's to dispose.</param>
    /// <param name="encoder">Gives patch quality, and whole-image features to find near duplicates; the caller's to dispose.</param>
    /// <param name="options">Numbers, generation, filter; null: the defaults.</param>
    /// <param name="clip">Measures CLIP-T where the filter has a limit for it; the caller's to dispose.</param>
    /// <param name="encoders">
    /// Who <paramref name="encoder"/> and <paramref name="clip"/> are, for the manifest; a build is not continued with other ones. The model is known
    /// by itself.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The filter has a least CLIP-T, but there is no <paramref name="clip"/>; or objects are to be aligned without masks, or beside views of references.
    /// </exception>
    public PairBuilder(
        PersonalizedModel model, IVisionEncoder encoder, PairBuilderOptions? options = null, IImageTextEncoder? clip = null,
            IReadOnlyList<ModelIdentity>? encoders = null)
        : this((model ?? throw new ArgumentNullException(nameof(model))).Generate, () => [GeneratorIdentity.Of(model), .. encoders ?? []],
            Math.Min(model.ImageSize, TrainingSize) / model.LatentScale, encoder, options, clip, model.FindTruncatedPrompts,
            prompt => model.References.WhyUnsuitable(prompt, [ReferenceExample.OnWhite()], (options ?? new()).Generation.ReferenceFusion))
    {
    }

    internal PairBuilder(
        ImageGenerator generate, Func<IReadOnlyList<ModelIdentity>> identify, int latentGrid, IVisionEncoder encoder, PairBuilderOptions? options,
            IImageTextEncoder? clip,
        Func<IReadOnlyList<string>, IReadOnlyList<TruncatedPrompt>>? findTruncated = null, Func<string, string?>? whyUnsuitable = null)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        (_generate, _identify, _latentGrid, _encoder, _clip, _options) = (generate, identify, latentGrid, encoder, clip, options ?? new());
        _findTruncated = findTruncated ?? (_ => []);
        _whyUnsuitable = whyUnsuitable ?? (_ => null);
        if (_options.Filter.MinClipT is not null && clip is null)
            throw new ArgumentException("The filter has a least CLIP-T, but there is no CLIP model to measure it with.", nameof(clip));
        if (_options.ObjectAlignment is not null && !_options.MaskPlainBackground)
            throw new ArgumentException($"{nameof(PairBuilderOptions.ObjectAlignment)} needs the objects' masks: ask for "
                + $"{nameof(PairBuilderOptions.MaskPlainBackground)} too.", nameof(options));
        if (_options.ObjectAlignment is not null && _options.ReferenceViews is not null)
            throw new ArgumentException($"{nameof(PairBuilderOptions.ObjectAlignment)} and {nameof(PairBuilderOptions.ReferenceViews)} exclude each other; "
                + "ask for one of the two.", nameof(options));
    }

    /// <summary>Builds a data set, or what is missing of it.</summary>
    /// <param name="prompts">What the references show, used in turn until there are enough; also the prompts of the generated images.</param>
    /// <param name="folder">Made where it is missing. Empty, or of an earlier run with the same options, prompts and models.</param>
    /// <param name="progress">Called after each sampling step and each batch.</param>
    /// <param name="cancellationToken">Stops between sampling steps; run again to continue.</param>
    /// <returns>What the folder has.</returns>
    /// <exception cref="ArgumentException">There is no prompt.</exception>
    /// <exception cref="EmptyPromptException">A prompt is null or empty.</exception>
    /// <exception cref="PromptTooLongException">A prompt is too long.</exception>
    /// <exception cref="TruncatedPromptException">A prompt has more tokens than the model's text encoder takes, and the options refuse that.</exception>
    /// <exception cref="UnsuitableReferencesException">
    /// References on a white background do not suit the model's adapter beside a prompt: MIP-Adapter and MS-Diffusion need names, ELITE a placeholder.
    /// </exception>
    /// <exception cref="PairFolderMismatchException">The folder was begun with other options, prompts or models.</exception>
    /// <exception cref="PairFolderException">The folder holds pairs of something else, or a recorded file is missing or has changed.</exception>
    /// <exception cref="TooFewReferencesException">The filter rejected too many candidates.</exception>
    /// <exception cref="NonFiniteLatentsException">The model made an image of NaN.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="IOException">A file cannot be read or written, or another process builds this folder; the message says which.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public PairBuildSummary Build(
        IReadOnlyList<string> prompts, string folder, IProgress<PairBuildProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<TruncatedPrompt> truncated = Check(prompts, folder);
        (PairHeader header, PairRequests requests, string path) = (HeaderOf(prompts), new PairRequests(_options, prompts), Path.GetFullPath(folder));
        DrawnImages? drawn = DrawnImages.Find(path, header);
        // What shards have drawn is not drawn again.
        IReadOnlyList<ImageBuffer> Generate(
            IReadOnlyList<GenerationRequest> batch, GenerationOptions options, IProgress<GenerationProgress>? batchProgress, CancellationToken token)
            => drawn?.TryRead(batch) ?? _generate(batch, options, batchProgress, token);
        PairBuildSummary summary = new PairBuild(
            Generate, requests, _latentGrid, _encoder, _clip, _options, path, header, progress, cancellationToken).Run();
        DrawnImages.Delete(path);
        return summary with { TruncatedPrompts = truncated };
    }

    /// <summary>
    /// Draws a share of a data set's images into the folder, for <see cref="Build"/> to find: several processes do so at the same time, and what is drawn
    /// is not drawn again, also when there is another number of shares. A finished folder is left as it is.
    /// </summary>
    /// <param name="prompts">As <see cref="Build"/> takes them.</param>
    /// <param name="folder">The data set's folder, which all processes reach.</param>
    /// <param name="shard">Which share.</param>
    /// <param name="progress">Called after each sampling step and each batch, of which it counts this share's.</param>
    /// <param name="cancellationToken">Stops between sampling steps; run again to continue.</param>
    /// <exception cref="PairFolderMismatchException">The folder was begun with other options, prompts or models.</exception>
    /// <exception cref="ArgumentException">There is no such share; else as <see cref="Build"/>, whose other exceptions come too.</exception>
    public void Draw(
        IReadOnlyList<string> prompts, string folder, PairShard shard, IProgress<PairBuildProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(shard);
        shard.Validate();
        Check(prompts, folder);
        string path = Path.GetFullPath(folder);
        if (!File.Exists(Path.Combine(path, PairLayout.Manifest)))
        {
            var requests = new PairRequests(_options, prompts);
            new PairDrawing(_generate, _encoder, _clip, _options, requests, path, HeaderOf(prompts), shard, progress, cancellationToken)
                .Run();
        }
    }

    private IReadOnlyList<TruncatedPrompt> Check(IReadOnlyList<string> prompts, string folder)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (prompts.Count == 0)
            throw new ArgumentException("There is no prompt to draw references from.", nameof(prompts));
        EmptyPromptException.ThrowIfAny(prompts);
        PromptTooLongException.ThrowIfAny(prompts, Math.Min(_options.ReferenceGeneration.MaxPromptCharacters, _options.Generation.MaxPromptCharacters));
        for (int i = 0; i < prompts.Count; i++)
            if (_whyUnsuitable(prompts[i]) is string problem)
                throw new UnsuitableReferencesException($"prompt {i}", i, problem);
        IReadOnlyList<TruncatedPrompt> truncated = _findTruncated(prompts);
        TruncatedPromptException.ThrowIfAny(truncated, _options.ReferenceGeneration.RefuseTruncatedPrompts || _options.Generation.RefuseTruncatedPrompts);
        return truncated;
    }

    private PairHeader HeaderOf(IReadOnlyList<string> prompts)
    {
        // What was built before there were these is what is built without.
        (string Name, object? Value)[] later = [
            (nameof(PairBuilderOptions.ReferenceViews), _options.ReferenceViews), (nameof(PairBuilderOptions.ObjectAlignment), _options.ObjectAlignment)];
        SortedDictionary<string, string> settings = OptionValues.Of(_options, [.. Ignored, .. later.Where(l => l.Value is null).Select(l => l.Name)]);
        settings.Add("Prompts", $"{prompts.Count} of SHA-256 {FileHash.Of(Encoding.UTF8.GetBytes(string.Join('\0', prompts)))}");
        return new PairHeader(PairHeader.CurrentFormat, settings, _identify());
    }
}
