using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Reports;

/// <summary>One self-contained HTML page of evaluations, comparisons, scored pairs and trainings, for people.</summary>
/// <remarks>
/// Everything is in the file: pictures as data URIs, style, and a script that only sorts, filters and slides; the page is read without it, and asks no
/// network for anything. All text is escaped. Pictures are those of the worst images (<see cref="MaxPictures"/>), the tables have all.
/// </remarks>
/// <example><code language="csharp">
/// using EvaluationModels models = EvaluationModels.LoadEmbedded();
/// EvaluationRow[] rows =
/// [
///     new("cat", "a cat, on a beach", ImageFile.Load("generated/cat.png"), [ImageFile.Load("photos/cat.png")]),
///     new("robot", "a robot, on a beach", ImageFile.Load("generated/robot.png"), [ImageFile.Load("photos/robot.png")]),
/// ];
/// PersonalizationMetrics metrics = models.CreateEvaluator().Evaluate(rows);
/// var report = new HtmlReport("This week's pictures");
/// report.AddEvaluation(new EvaluationReport(metrics), images: i =&gt; rows[i], heatMaps: new PatchQualityEstimator(models.PatchEncoder!));
/// report.Write("report.html");
/// </code></example>
public sealed class HtmlReport
{
    private readonly List<ReportSection> _sections = [];
    private readonly List<EvaluationModel> _models = [];
    private readonly HashSet<ScoreDefinition> _definitions = [];

    /// <summary>Begins a page.</summary>
    /// <param name="title">Its heading.</param>
    public HtmlReport(string title)
    {
        ArgumentException.ThrowIfNullOrEmpty(title);
        Title = title;
    }

    /// <summary>The heading.</summary>
    public string Title { get; }

    /// <summary>What a reader must know, such as that figures compare with no others; shown below the heading. Default: none.</summary>
    public IReadOnlyList<string> Notes { get; init => field = value ?? throw new ArgumentNullException(nameof(Notes)); } = [];

    /// <summary>How what is shown was made, as names and values in their order: options, folders, versions. Default: none.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Configuration
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Configuration));
    } = [];

    /// <summary>How many images of a section are shown with pictures, the worst first, 0 to 1,000. Default: 24, about 5 MB.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside the range.</exception>
    public int MaxPictures { get; init => field = ArgumentRange.Within(value, 0, 1_000); } = 24;

    /// <summary>The longer side of a picture in the file in pixels, 64 to 2,048; smaller images are enlarged to it. Default: 512.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside the range.</exception>
    public int PictureSize { get; init => field = ArgumentRange.Within(value, 64, 2_048); } = 512;

    /// <summary>Adds an evaluation: means with intervals, subjects, all images from the worst on, and the worst with pictures.</summary>
    /// <param name="evaluation">What was measured, with the images' names and files where they have such.</param>
    /// <param name="images">
    /// Gives the row at a place again, with its images; asked for the worst alone. Null: the evaluation's files, and no pictures where it has none.
    /// </param>
    /// <param name="heatMaps">Scores the patches of the images that are shown; stays the caller's. Null: pictures without heat maps.</param>
    /// <exception cref="ArgumentException">The evaluation holds no scores of images.</exception>
    /// <exception cref="Images.InvalidImageException">An image cannot be read.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public void AddEvaluation(EvaluationReport evaluation, Func<int, EvaluationRow>? images = null, PatchQualityEstimator? heatMaps = null)
    {
        ArgumentNullException.ThrowIfNull(evaluation);
        CheckImages(evaluation, nameof(evaluation));
        Add(new EvaluationSection(evaluation, images ?? evaluation.Rows, heatMaps, Pictures).Build());
        _models.AddRange(evaluation.Metrics.Models);
    }

    /// <summary>Adds what changed between two evaluations of the same images, with the images that got worst before and after.</summary>
    /// <param name="before">The first one.</param>
    /// <param name="after">The second one.</param>
    /// <param name="heatMaps">As in <see cref="AddEvaluation"/>; pictures are those of the evaluations' files.</param>
    /// <exception cref="ArgumentException">
    /// The settings or models differ, there is no image in common, or an evaluation holds no scores of images.
    /// </exception>
    /// <exception cref="Images.InvalidImageException">An image cannot be read.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public void AddComparison(EvaluationReport before, EvaluationReport after, PatchQualityEstimator? heatMaps = null)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        CheckImages(before, nameof(before));
        CheckImages(after, nameof(after));
        Add(new ComparisonSection(before, after, heatMaps, Pictures).Build());
        _models.AddRange(before.Metrics.Models.Union(after.Metrics.Models));
    }

    /// <summary>Adds pairs that were scored: all from the worst on, and the worst with pictures and maps.</summary>
    /// <param name="pairs">The pairs, at least one.</param>
    /// <param name="model">Who gave the patch features; null: unknown.</param>
    /// <exception cref="EmptyDataException">There is no pair.</exception>
    /// <exception cref="Images.InvalidImageException">An image cannot be read.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public void AddScores(IReadOnlyList<ScoredImagePair> pairs, EvaluationModel? model = null)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        if (pairs.Count == 0)
            throw new EmptyDataException("There is no scored pair to report.");
        Add(new ScoresSection(pairs, Pictures).Build());
        if (model is not null)
            _models.Add(model);
    }

    /// <summary>Adds a training's course: loss, length of the gradients and learning rate, and what its probes drew and measured.</summary>
    /// <param name="logFolder">The training's <see cref="Training.PatchDpoTrainerOptions.LogFolder"/>.</param>
    /// <param name="models">Who was trained and who measured, for the page to name. Null: unknown.</param>
    /// <exception cref="FileNotFoundException">The folder holds no training.jsonl.</exception>
    /// <exception cref="RecordFileException">A line of it, or of probes.jsonl, is malformed.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public void AddTraining(string logFolder, IReadOnlyList<EvaluationModel>? models = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(logFolder);
        Add(new TrainingSection(TrainingLog.Read(logFolder), Pictures).Build());
        _models.AddRange(models ?? []);
    }

    /// <summary>Writes the page.</summary>
    /// <param name="path">The file, .html; replaced in one step where it exists. Its folder must exist.</param>
    /// <exception cref="InvalidOperationException">Nothing was added.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (_sections.Count == 0)
            throw new InvalidOperationException("The report is empty; add an evaluation, a comparison, scores or a training first.");
        Html page = ReportPage.Compose(this, _sections, [.. _models.Distinct()], [.. ScoreDefinition.All.Where(_definitions.Contains)]);
        AtomicFile.Write(path, page.WriteTo);
    }

    private PictureOptions Pictures => new(_sections.Count + 1, MaxPictures, PictureSize);

    private void Add(ReportSection section)
    {
        _sections.Add(section);
        _definitions.UnionWith(section.Definitions);
    }

    private static void CheckImages(EvaluationReport evaluation, string name)
    {
        if (evaluation.Metrics.ImageMetrics.Count == 0)
            throw new ArgumentException("The evaluation holds no scores of images.", name);
    }
}
