using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>One evaluation of a view: its columns become rows of the evaluator, which reads them once.</summary>
internal sealed class DataViewEvaluation(IHostEnvironment env, EvaluationOptions options, Device device)
{
    private readonly TextInput _subject = new(options.SubjectColumnName, options.MaxPromptCharacters, allowEmpty: true);
    // Without CLIP nothing reads it.
    private readonly TextInput _prompt = new(options.PromptColumnName, options.MaxPromptCharacters, allowEmpty: options.ClipFolder is null);
    private readonly ImageInput _generated = new(options.GeneratedColumnName);
    private readonly ImageInput[] _references = options.ReferenceColumnNames.Select(name => new ImageInput(name)).ToArray();

    public PersonalizationMetrics Run(IDataView data)
    {
        DataViewSchema.Column[] columns = new RowInput[] { _subject, _prompt, _generated }.Concat(_references).Select(i => i.Find(data.Schema))
            .Distinct().ToArray();
        using OpenedEncoder? dino = options.Dino?.Open(device);
        using ClipModel? clip = options.ClipFolder is null ? null : ClipModel.FromFolder(options.ClipFolder, device);
        using OpenedEncoder? patches = options.PatchQuality?.Open(device), subject = options.SubjectSimilarity?.Open(device);
        var evaluator = new PersonalizationEvaluator(
            dino?.Encoder, clip, patches is null ? null : new PatchQualityEstimator(patches.Encoder, options.Evaluator.BatchSize),
            Models().ToArray(), options.Evaluator, subject?.Encoder);
        using DataViewRowCursor cursor = data.GetRowCursor(columns);
        try
        {
            PersonalizationMetrics metrics = evaluator.Evaluate(Rows(cursor), options.CancellationToken);
            new TruncationLog(env, nameof(PatchDpoCatalog.Evaluate)).TellAll(options.PromptColumnName, metrics.TruncatedPrompts);
            return metrics;
        }
        catch (TruncatedPromptException e)
        {
            throw new InvalidRowException(options.PromptColumnName, e.Prompt.Index!.Value, e.Prompt.Reason, e);
        }
    }

    /// <summary>The rows in order; images of a batch of further ones are loaded by workers meanwhile.</summary>
    private IEnumerable<EvaluationRow> Rows(DataViewRowCursor cursor)
    {
        Func<string> subject = _subject.Reader(cursor), prompt = _prompt.Reader(cursor);
        Func<RowImage> generated = _generated.Images(cursor);
        Func<RowImage?>[] references = [.. _references.Select(r => r.OptionalImages(cursor))];
        var images = new ImagesAhead();
        Queue<(Task<EvaluationRow> Row, RowImage[] Images)> begun = new();
        try
        {
            while (cursor.MoveNext())
            {
                begun.Enqueue(Begin());
                if (begun.Count > options.Evaluator.BatchSize)
                    yield return Next();
            }
            while (begun.Count > 0)
                yield return Next();
        }
        finally
        {
            // No file is read any more when the evaluator has left; what is wrong with rows that it did not come to is nobody's fault.
            Task.WhenAny(Task.WhenAll(begun.Select(b => b.Row))).Wait();
        }

        (Task<EvaluationRow>, RowImage[]) Begin()
        {
            try
            {
                string name = subject();
                if (name.Length == 0)
                    throw new InvalidRowException(options.SubjectColumnName, cursor.Position, "the subject is empty.");
                RowImage[] photos = [.. references.Select(r => r()).OfType<RowImage>()];
                if (photos.Length == 0)
                    throw new InvalidRowException(options.ReferenceColumnNames[0], cursor.Position, "all reference images are missing.");
                string text = prompt();
                RowImage[] all = [.. photos, generated()];
                return (Load(name, text, [.. all.Select(images.Begin)]), all);
            }
            catch (Exception e)
            {
                // Told when the evaluator comes to the row.
                return (Task.FromException<EvaluationRow>(e), []);
            }
        }

        EvaluationRow Next()
        {
            (Task<EvaluationRow> row, RowImage[] shown) = begun.Dequeue();
            Array.ForEach(shown, images.End);
            return row.GetAwaiter().GetResult();
        }
    }

    private static async Task<EvaluationRow> Load(string subject, string prompt, Task<ImageBuffer>[] images)
    {
        ImageBuffer[] loaded = await Task.WhenAll(images).ConfigureAwait(false);
        return new EvaluationRow(subject, prompt, loaded[^1], loaded[..^1]);
    }

    private IEnumerable<EvaluationModel> Models()
    {
        (string Role, string? Folder)[] folders = [("DINO", options.Dino?.Location), ("CLIP", options.ClipFolder),
            ("patch quality", options.PatchQuality?.Location), ("subject similarity", options.SubjectSimilarity?.Location)];
        foreach ((string role, string? folder) in folders)
            if (folder is not null)
                yield return File.Exists(folder) ? EvaluationModel.FromFile(role, Path.GetFileName(folder), folder) : EvaluationModel.FromFolder(role, folder);
    }
}
