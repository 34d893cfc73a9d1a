using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet;

/// <summary>The columns that training reads.</summary>
internal sealed class TrainingPairColumns(PatchDpoTrainer.Options options)
{
    private readonly TextInput _prompt = new(options.PromptColumnName, options.Generation.MaxPromptCharacters, allowEmpty: false);
    private readonly ImageInput _reference = new(options.ReferenceColumnName);
    private readonly ReferenceColumns? _imagePrompts =
        (options.ImagePromptColumnNames ?? options.MaskColumnNames ?? options.NameColumnNames ?? options.BoxColumnNames) is null ? null
        : new ReferenceColumns(
            options.ImagePromptColumnNames ?? [options.ReferenceColumnName], options.MaskColumnNames, options.NameColumnNames, options.BoxColumnNames);
    private readonly ImageInput _generated = new(options.GeneratedColumnName);
    private readonly QualityMapInput _referenceQuality = new(options.ReferenceQualityColumnName);
    private readonly QualityMapInput _generatedQuality = new(options.GeneratedQualityColumnName);

    public RowInput[] Inputs => [_prompt, _reference, .. _imagePrompts?.Inputs ?? [], _generated, _referenceQuality, _generatedQuality];

    /// <summary>Reads the rows, one after another.</summary>
    public IEnumerable<TrainingPair> Read(IDataView input)
    {
        using DataViewRowCursor cursor = input.GetRowCursor(Inputs.Select(i => i.Find(input.Schema)).ToArray());
        Func<string> prompt = _prompt.Reader(cursor);
        Func<ImageBuffer> reference = _reference.Reader(cursor);
        Func<ImageBuffer> generated = _generated.Reader(cursor);
        Func<QualityMap> referenceQuality = _referenceQuality.Reader(cursor);
        Func<QualityMap> generatedQuality = _generatedQuality.Reader(cursor);
        Func<ReferenceImage[]>? imagePrompts = _imagePrompts?.Reader(cursor);
        while (cursor.MoveNext())
        {
            yield return new TrainingPair(prompt(), reference(), generated(), referenceQuality(), generatedQuality())
            {
                ImagePrompts = imagePrompts?.Invoke(),
            };
        }
    }
}
