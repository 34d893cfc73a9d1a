using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet;

/// <summary>What <see cref="PatchDpoCatalog.Evaluate"/> reads and measures. A metric whose model is null is left out.</summary>
public sealed class EvaluationOptions
{
    /// <summary>The image column with generated images. Default: Generated.</summary>
    public string GeneratedColumnName { get; init => field = ColumnName.Checked(value); } = "Generated";

    /// <summary>The text column with prompts. Default: Prompt.</summary>
    public string PromptColumnName { get; init => field = ColumnName.Checked(value); } = "Prompt";

    /// <summary>The text column that says which subject a row shows. Default: Subject.</summary>
    public string SubjectColumnName { get; init => field = ColumnName.Checked(value); } = "Subject";

    /// <summary>The image columns with photos of the subject; of several, some may be missing in a row. Default: Reference.</summary>
    public IReadOnlyList<string> ReferenceColumnNames { get; init => field = ColumnName.Checked(value); } = ["Reference"];

    /// <summary>The encoder of the DINO score; DINO ViT-S/16 for DreamBench.</summary>
    public ImageEncoder? Dino { get; init; }

    /// <summary>The folder of the CLIP model of CLIP-I and CLIP-T (both towers and the tokenizer); CLIP ViT-B/32 for DreamBench.</summary>
    public string? ClipFolder { get; init; }

    /// <summary>The encoder of the patch quality score.</summary>
    public ImageEncoder? PatchQuality { get; init; }

    /// <summary>The encoder of the subject similarity: the cosine of its features of whole images (not in the paper, and no DINO score).</summary>
    public ImageEncoder? SubjectSimilarity { get; init; }

    /// <summary>Setting, batch size, and what else the result carries.</summary>
    public PersonalizationEvaluatorOptions Evaluator { get; init => field = value ?? throw new ArgumentNullException(nameof(Evaluator)); } = new();

    /// <summary>The longest prompt that is accepted, in characters. Default: 2,000.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int MaxPromptCharacters
    {
        get;
        init => field = ArgumentRange.Within(value, 1);
    } = GenerationOptions.DefaultMaxPromptCharacters;

    /// <summary>Stops the evaluation.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>
    /// All metrics with the small models that come with this library. They know this library's own small world, so the figures compare with nothing
    /// measured elsewhere.
    /// </summary>
    public static EvaluationOptions Embedded => new()
    {
        Dino = ImageEncoder.EmbeddedDino,
        ClipFolder = EmbeddedModels.EvaluationClip,
        PatchQuality = ImageEncoder.Embedded,
    };

    /// <summary>
    /// Subject similarity and patch quality of photos with ImageNet's ResNet-18 of the package PatchDpo.Models.ResNet18: what can be measured without
    /// downloading models.
    /// </summary>
    /// <exception cref="Torch.Weights.ModelFileNotFoundException">The model is not beside the application; the message names the package.</exception>
    public static EvaluationOptions ResNet18 => new() { SubjectSimilarity = ImageEncoder.ResNet18(), PatchQuality = ImageEncoder.ResNet18() };

    /// <summary>The DreamBench metrics.</summary>
    /// <param name="dinoFolder">DINO ViT-S/16.</param>
    /// <param name="clipFolder">CLIP ViT-B/32.</param>
    /// <param name="setting">Which photos the rows hold; results of the two settings are not comparable.</param>
    public static EvaluationOptions DreamBench(string dinoFolder, string clipFolder, DreamBenchSetting setting = DreamBenchSetting.Original)
    {
        ArgumentException.ThrowIfNullOrEmpty(dinoFolder);
        ArgumentException.ThrowIfNullOrEmpty(clipFolder);
        return new()
        {
            Dino = ImageEncoder.FromFolder(dinoFolder),
            ClipFolder = clipFolder,
            Evaluator = new PersonalizationEvaluatorOptions { Setting = setting },
        };
    }
}
