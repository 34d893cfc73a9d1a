using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet;

/// <summary>The columns that training reads.</summary>
internal sealed class TrainingPairColumns(PatchDpoTrainer.Options options)
{
    private readonly TextInput _prompt = new(options.PromptColumnName, options.Generation.MaxPromptCharacters);
    private readonly ImageInput _reference = new(options.ReferenceColumnName);
    private readonly ReferenceColumns? _imagePrompts =
        (options.ImagePromptColumnNames ?? options.MaskColumnNames ?? options.NameColumnNames ?? options.BoxColumnNames) is null ? null
        : new ReferenceColumns(
            options.ImagePromptColumnNames ?? [options.ReferenceColumnName], options.MaskColumnNames, options.NameColumnNames, options.BoxColumnNames);
    private readonly ImageInput _generated = new(options.GeneratedColumnName);
    private readonly QualityMapInput _referenceQuality = new(options.ReferenceQualityColumnName);
    private readonly QualityMapInput _generatedQuality = new(options.GeneratedQualityColumnName);

    public RowInput[] Inputs => [_prompt, _reference, .. _imagePrompts?.Inputs ?? [], _generated, _referenceQuality, _generatedQuality];

    /// <summary>Reads all rows; images with the same pixels become one object, which training encodes once.</summary>
    public IReadOnlyList<TrainingPair> Read(IDataView input, CancellationToken cancellationToken)
    {
        using DataViewRowCursor cursor = input.GetRowCursor(Inputs.Select(i => i.Find(input.Schema)).ToArray());
        Func<string> prompt = _prompt.Reader(cursor);
        Func<ImageBuffer> reference = _reference.Reader(cursor);
        Func<ImageBuffer> generated = _generated.Reader(cursor);
        Func<QualityMap> referenceQuality = _referenceQuality.Reader(cursor);
        Func<QualityMap> generatedQuality = _generatedQuality.Reader(cursor);
        HashSet<ImageBuffer> images = new(ImageContentComparer.Instance);
        Func<ReferenceImage[]>? imagePrompts = _imagePrompts?.Reader(cursor, Shared);
        var pairs = new List<TrainingPair>();
        while (cursor.MoveNext())
        {
            cancellationToken.ThrowIfCancellationRequested();
            pairs.Add(new TrainingPair(prompt(), Shared(reference()), generated(), referenceQuality(), generatedQuality())
            {
                ImagePrompts = imagePrompts?.Invoke(),
            });
        }
        return pairs;

        // The same object for the same picture, so that each is kept once.
        ImageBuffer Shared(ImageBuffer image) => images.Add(image) || !images.TryGetValue(image, out ImageBuffer? known) ? image : known;
    }
}
