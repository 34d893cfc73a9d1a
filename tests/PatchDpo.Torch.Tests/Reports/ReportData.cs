using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Reports;

namespace PatchDpo.Torch.Tests.Reports;

/// <summary>Evaluations and trainings to report, drawn and measured once for all tests, with names that try to leave their place.</summary>
public sealed class ReportData : IDisposable
{
    /// <summary>What a name, a prompt or a path may hold.</summary>
    public const string Attack = "</script></style><img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>'\"&\u202Edeen";

    /// <summary>The image whose subject was not drawn.</summary>
    public const string Worst = "mug/wrong.png";

    private const int Side = 64;

    private readonly TemporaryFolder _folder = new();
    private readonly IVisionEncoder _encoder = PatchEncoder.FromFolder(EmbeddedModels.PatchEncoder);
    private readonly string[] _subjects = ["bag", "mug", Attack];

    public ReportData()
    {
        Estimator = new PatchQualityEstimator(_encoder);
        Evaluation = Evaluate("before", wrong: true);
        Later = Evaluate("after", wrong: false);
        Log = Directory.CreateDirectory(_folder.File("log")).FullName;
        File.WriteAllLines(Path.Combine(Log, "training.jsonl"), Enumerable.Range(1, 300).Select(i => FormattableString.Invariant(
            $"{{\"step\":{i},\"loss\":{0.3 + (0.1 * Math.Sin(i)) - (i * 5e-4)},\"learningRate\":3E-05,\"gradientNorm\":{1.5 + Math.Cos(i)},\"pairsPerSecond\":2.5,\"seconds\":{i * 1.6},\"isSpike\":{(i == 70 ? "true" : "false")}}}"))
            .Append("{\"step\":301,\"lo"));
        File.WriteAllLines(Path.Combine(Log, "probes.jsonl"), new[] { (0, 0.41), (100, 0.46), (200, 0.52), (300, 0.5) }.Select(p => FormattableString.Invariant(
            $"{{\"step\":{p.Item1},\"patchQuality\":{p.Item2},\"dino\":null,\"bestStep\":{Math.Min(p.Item1, 200)},\"bestValue\":{p.Item2},\"grid\":\"probe-{p.Item1:D8}.png\",\"seconds\":3}}")));
        ImageFile.SavePng(Path.Combine(Log, "probe-00000000.png"), TestImages.Blocks(1, 520, 260, 13));
        ImageFile.SavePng(Path.Combine(Log, "probe-00000200.png"), TestImages.Blocks(2, 520, 260, 13));
    }

    public PatchQualityEstimator Estimator { get; }

    public EvaluationReport Evaluation { get; }

    public EvaluationReport Later { get; }

    /// <summary>A training's folder; a killed process left half a line.</summary>
    public string Log { get; }

    public string FileOf(string name) => _folder.File(name);

    /// <summary>A page with every section.</summary>
    public string WriteAll(string name, int pictures = 4)
    {
        var report = new HtmlReport($"Report {Attack}")
        {
            Notes = [$"A note. {Attack}"],
            Configuration = [new("--generations", Attack), new("steps", "30")],
            MaxPictures = pictures,
            PictureSize = 128,
        };
        report.AddEvaluation(Evaluation, heatMaps: Estimator);
        report.AddComparison(Later, Evaluation, Estimator);
        report.AddTraining(Log);
        report.AddScores([.. Evaluation.Files.Select((f, i) => Pair(i))]);
        report.Write(FileOf(name));
        return FileOf(name);
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _folder.Dispose();
    }

    private ScoredImagePair Pair(int place)
    {
        EvaluationRow row = Evaluation.Rows!(place);
        return new ScoredImagePair(Evaluation.ImageNames[place], Estimator.Score([row.Generated], [row.References[0]])[0], () => row)
        {
            ReferenceName = "photo",
            Subject = row.Subject,
            Prompt = row.Prompt,
        };
    }

    // Every image is its subject's photo with a patch that differs, but for one that shows something else.
    private EvaluationReport Evaluate(string folder, bool wrong)
    {
        List<(string Name, string Subject, string Prompt, EvaluatedFiles Files)> images = [];
        for (int s = 0; s < _subjects.Length; s++)
        {
            string photo = Save(folder, $"photo{s}.png", TestImages.Blocks(s, Side, Side, 8));
            for (int i = 0; i < 3; i++)
            {
                bool isWrong = s == 1 && i == 2;
                ImageBuffer image = isWrong && wrong ? TestImages.Create(Side, Side, (x, y) => (x * 4, 10, y * 4)) : Changed(TestImages.Blocks(s, Side, Side, 8), i);
                images.Add((isWrong ? Worst : $"{_subjects[s]}/{i}.png", _subjects[s], $"prompt {i} {Attack}",
                    new EvaluatedFiles(Save(folder, $"image{s}{i}.png", image), [photo])));
            }
        }
        using IVisionEncoder encoder = PatchEncoder.FromFolder(EmbeddedModels.PatchEncoder);
        var evaluator = new PersonalizationEvaluator(null, null, new PatchQualityEstimator(encoder),
            [EvaluationModel.FromFolder("patch quality", EmbeddedModels.PatchEncoder)], subject: encoder);
        return new EvaluationReport(evaluator.Evaluate(images.Select(i => i.Files.Load(i.Subject, i.Prompt))))
        {
            ImageNames = [.. images.Select(i => i.Name)],
            Files = [.. images.Select(i => i.Files)],
            MissingFiles = [Attack],
        };
    }

    private string Save(string folder, string name, ImageBuffer image)
    {
        string path = Path.Combine(Directory.CreateDirectory(_folder.File(folder)).FullName, name);
        ImageFile.SavePng(path, image);
        return path;
    }

    private static ImageBuffer Changed(ImageBuffer image, int place) => TestImages.Create(Side, Side, (x, y) =>
    {
        int at = 3 * ((y * Side) + x);
        return x / 16 == place && y / 16 == 1 ? (250, 250, 0) : (image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]);
    });
}
