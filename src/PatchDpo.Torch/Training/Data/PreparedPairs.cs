using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Objectives;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>
/// Pairs as training reads them: checked, and everything frozen that their steps need encoded (latents, text states, image prompts). Made by
/// <see cref="PatchDpoTrainer.Prepare"/>.
/// </summary>
/// <remarks>
/// With a store (<see cref="PatchDpoTrainerOptions.Store"/>) the memory that it takes does not grow with the number of pairs; without, all that is encoded
/// stays in memory.
/// </remarks>
public sealed class PreparedPairs : IDisposable
{
    private readonly ConditionStore _store;
    private readonly PairRecords _records;
    private readonly ImagePromptEncoder _encoder;

    internal PreparedPairs(PersonalizedModel model, IEnumerable<TrainingPair> pairs, PatchDpoTrainerOptions options, CancellationToken cancellationToken)
    {
        Model = model;
        Size = SizeOf(model, options);
        HasFeatures = options.TrainsProjection;
        _encoder = model.References;
        _store = ConditionStore.Open(model, options.Store);
        _records = new PairRecords(_store.WorkFolder);
        try
        {
            var encoding = new PairEncoding(model, options, _store, Size, cancellationToken);
            encoding.Run(pairs, _records);
            if (_records.Count == 0)
                throw new EmptyDataException("There is no pair to train on: the data have no row.");
            TruncatedPrompts = encoding.TruncatedPrompts;
            Warnings = encoding.Warnings;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How many pairs there are.</summary>
    public int Count => _records.Count;

    /// <summary>The pairs' prompts of which the text encoder sees the beginning alone, by the pairs' places; at most the first 10,000 of them.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedPrompts { get; }

    /// <summary>What the adapter's family has to say of the pairs' references; at most the first 10,000 sentences.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>How many different references of image prompts the store has.</summary>
    internal int ReferenceCount => _store.Count(ConditionKinds.Image) - 1;

    /// <summary>Whether image prompts are kept before the projection, because that is trained.</summary>
    internal bool HasFeatures { get; }

    /// <summary>The model that encoded them.</summary>
    internal PersonalizedModel Model { get; }

    /// <summary>The side that they are trained at, in pixels.</summary>
    internal int Size { get; }

    /// <summary>Shape of one image's latents: C, h, w.</summary>
    internal long[] LatentShape => [Model.LatentChannels, Size / Model.LatentScale, Size / Model.LatentScale];

    /// <summary>SHA-256 of all pairs in their order: prompts, images and quality.</summary>
    internal string Sha256 => _records.Sha256;

    /// <summary>All records, one after another.</summary>
    internal IEnumerable<PairRecord> Records => _records.All();

    /// <summary>The side that options name, or the model's, at most the official 512.</summary>
    /// <exception cref="ArgumentException">It is no multiple of the model's latent scale.</exception>
    internal static int SizeOf(PersonalizedModel model, PatchDpoTrainerOptions options)
        => model.CheckSide(options.Size ?? Math.Min(model.ImageSize, 512), nameof(options.Size));

    /// <summary>Looks whether the pairs' quality can be trained with.</summary>
    /// <exception cref="ArgumentException">It is 0 everywhere, or 1 everywhere: what made the maps has not looked at the images.</exception>
    internal void CheckQuality()
    {
        if (_records.LeastQuality == _records.GreatestQuality && _records.LeastQuality is 0 or 1)
        {
            throw new ArgumentException($"All quality maps of all {Count} pairs hold nothing but {_records.LeastQuality}: what made them has not compared the "
                + "images. Score the pairs anew.", "pairs");
        }
    }

    /// <summary>Puts a batch together, on the model's device, in the current dispose scope.</summary>
    /// <param name="pairs">Places of B pairs.</param>
    /// <param name="dropText">Whose prompts are dropped.</param>
    /// <param name="dropImage">Whose image prompts are dropped.</param>
    /// <param name="noise"><c>(B,C,h,w)</c>.</param>
    /// <param name="timesteps"><c>(B)</c>.</param>
    /// <param name="officialTimeIds">The official script's rows of sizes.</param>
    /// <param name="weigh">Gives the loss's weights.</param>
    /// <param name="projected">Projects features, with gradients; null: the model's own encoder.</param>
    internal TrainingBatch Batch(
        long[] pairs, bool[] dropText, bool[] dropImage, Tensor noise, Tensor timesteps, bool officialTimeIds, PairWeights weigh,
        ProjectedPromptEncoder? projected = null)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        PairRecord[] records = [.. pairs.Select(p => _records[p])];
        PairImage[] images = [.. records.Select(r => r.Reference), .. records.Select(r => r.Generated)];
        UInt128[][] references = [.. records.Select((r, i) => dropImage[i] ? [ConditionKinds.DroppedImage] : r.ImagePrompts)];
        string[] prompts = [.. records.Select((r, i) => dropText[i] ? "" : r.Prompt)];
        UInt128[] texts = [.. prompts.Select((p, i) => ConditionKinds.TextContent(PairRecord.ContentOf(p), _encoder.ChangesText ? references[i] : null))];
        PairSizes sizes = SizesOf(records);
        long[] latents = LatentShape;
        TrainingBatch batch = TrainingBatch.OfPairs(
            Moved(ConditionKinds.ToLatents(_store.Read(ConditionKinds.Latents(Size), [.. images.Select(i => i.Content)]))), Moved(noise), Moved(timesteps),
            ConditionKinds.ToText(_store.Read(ConditionKinds.Text, texts)).Map(Moved),
            Images(projected ?? _encoder),
            Moved(officialTimeIds ? sizes.OfficialTimeIds() : sizes.TimeIds()),
            // (B,2,h,w): all references, then all generated images.
            Moved(weigh(records, (int)latents[1], (int)latents[2]).transpose(0, 1).flatten(0, 1).unsqueeze(1)));
        return projected is null ? batch : batch with { BeforeTraining = () => batch.WithImages(Images(_encoder)) };

        ImagePrompt Images(ImagePromptEncoder encoder) => encoder.Locate(
            encoder.Fuse(ReadImages(encoder, [.. references.SelectMany(r => r)]), [.. references.Select(r => r.Length)], null, encoder.ObjectFusion), prompts)
            .Map(Moved);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        _records.Dispose();
        _store.Dispose();
    }

    private bool _isDisposed;

    private Tensor Moved(Tensor tensor) => tensor.to(Model.Device);

    private ImagePrompt ReadImages(ImagePromptEncoder encoder, UInt128[] references)
    {
        if (!HasFeatures)
            return new ImagePrompt(_store.Read(ConditionKinds.Image, references));
        (ImagePrompt features, int[] photos) = ReadFeatures(references);
        if (photos.Any(n => n > 1))
        {
            features = ReadFeatures([.. references.Zip(photos).SelectMany(
                r => Enumerable.Range(0, r.Second).Select(i => ConditionKinds.PhotoContent(r.First, i)))]).Features;
        }
        return ((ProjectedPromptEncoder)encoder).Project(features.Map(Moved), photos);
    }

    private (ImagePrompt Features, int[] Photos) ReadFeatures(UInt128[] photos)
        => ConditionKinds.ToFeatures(_store.Read(ConditionKinds.ImageFeatures, photos));

    /// <summary>Sizes of the files, and what the centre crop to a square leaves out.</summary>
    private PairSizes SizesOf(PairRecord[] records)
    {
        PairImage[] images = [.. records.SelectMany(r => new[] { r.Reference, r.Generated })];
        float Offset(int length, PairImage image) => (float)Math.Round((((long)Size * length / Math.Min(image.Width, image.Height)) - Size) / 2.0);
        Tensor Build(Func<PairImage, float> rows, Func<PairImage, float> columns)
            => tensor(images.SelectMany(i => new[] { rows(i), columns(i) }).ToArray()).reshape(-1, 2, 2);
        return new PairSizes(Build(i => i.Height, i => i.Width), Build(i => Offset(i.Height, i), i => Offset(i.Width, i)), Build(_ => Size, _ => Size));
    }
}
