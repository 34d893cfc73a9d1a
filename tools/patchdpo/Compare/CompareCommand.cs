using System.CommandLine;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Compare;

/// <summary>Compares two evaluations of the same subjects.</summary>
internal sealed class CompareCommand : ToolCommand
{
    private readonly Argument<string> _before, _after;
    private readonly Option<int> _show;
    private readonly ReportOptions _report = new();
    private readonly ComputeOptions _compute = new("float32", "bfloat16", "float16");
    private readonly EncoderOptions _encoder = new();

    public CompareCommand() : base("compare", "Compares two evaluations: what got better, what got worse, and what is on one side alone.")
    {
        _before = DeclareArgument<string>("before", "A folder that evaluate wrote, or its scores.json.");
        _after = DeclareArgument<string>("after", "The other one.");
        _show = Declare("--show", "How many images to name that got better, and as many that got worse.", 5);
        _report.AddTo(this);
        _encoder.AddTo(this, "the embedded one where patch quality was measured with it, else resnet18; it draws the page's heat maps");
        _compute.AddTo(this);
    }

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        (string before, string after) = (FileOf(arguments.GetValue(_before)!), FileOf(arguments.GetValue(_after)!));
        int show = arguments.GetValue(_show) is >= 0 and int n ? n : throw new InputException("--show must be at least 0.");
        ReportFile? page = _report.Read(arguments);
        (EvaluationReport first, EvaluationReport second) = (EvaluationReport.ReadJson(before), EvaluationReport.ReadJson(after));
        EvaluationComparison comparison = Compare(before, after, first, second);
        Print(comparison);
        string ranking = Title(comparison.Ranking);
        List("better", comparison.Images.Where(i => i.Change > 0).Reverse());
        List("worse", comparison.Images.Where(i => i.Change < 0));
        Missing(before, comparison.OnlyBefore);
        Missing(after, comparison.OnlyAfter);
        page?.Write($"{NameOf(before)} and {NameOf(after)} compared", [.. first.Notes.Union(second.Notes)], report =>
        {
            EncoderChoice choice = _encoder.Read(arguments, DefaultEncoder(first), _compute);
            using IVisionEncoder encoder = choice.Open();
            report.AddComparison(first, second, new PatchQualityEstimator(encoder));
        });
        return Ending.Done;

        void List(string word, IEnumerable<ComparedImage> all)
        {
            ComparedImage[] list = [.. all];
            string end = list.Length > show ? $"; the first {show}:" : list.Length > 0 ? ":" : "";
            Console.WriteLine($"{list.Length} images got {word} in {ranking}{end}");
            foreach (ComparedImage image in list.Take(show))
            {
                Console.WriteLine($"  {Signed(image.Change)}  {Value(image.Before, comparison.Ranking):F3} -> {Value(image.After, comparison.Ranking):F3}  "
                    + image.Name);
            }
        }
    }

    private static string FileOf(string path)
    {
        if (Directory.Exists(path))
            path = Path.Combine(path, "scores.json");
        return File.Exists(path) ? path : throw new InputException($"There is no file '{path}'; 'evaluate' writes one.");
    }

    private static string NameOf(string file) => Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file)))!;

    private static EvaluationComparison Compare(string before, string after, EvaluationReport first, EvaluationReport second)
    {
        try
        {
            return EvaluationComparison.Of(first, second);
        }
        catch (ArgumentException e)
        {
            throw new InputException($"'{before}' and '{after}': {e.Message}", e);
        }
    }

    private static void Print(EvaluationComparison comparison)
    {
        Console.WriteLine($"{comparison.Images.Count} images of {comparison.Subjects} subjects are in both; paired differences, 95 % intervals over "
            + comparison.IntervalsOver);
        Console.WriteLine($"{"",-20}{"before",8}{"after",8}{"change",9}   95 % interval");
        foreach (MetricChange metric in comparison.Metrics)
        {
            Console.WriteLine($"{Title(metric.Metric),-20}{metric.Before,8:F3}{metric.After,8:F3}{Signed(metric.Change.Mean),9}   "
                + $"[{Signed(metric.Change.Lower)}, {Signed(metric.Change.Upper)}]");
        }
    }

    /// <summary>The embedded encoder where the patch quality is its.</summary>
    private static string DefaultEncoder(EvaluationReport evaluation)
    {
        string? patches = evaluation.Metrics.Models.FirstOrDefault(m => m.Role == "patch quality")?.Sha256;
        return patches is not null && patches == EvaluationModel.FromFolder("patch quality", EmbeddedModels.PatchEncoder).Sha256
            ? ModelPath.Embedded : EncoderChoice.ResNet18;
    }

    private static void Missing(string file, IReadOnlyList<string> only)
    {
        if (only.Count > 0)
            Console.WriteLine($"{only.Count} images are in '{file}' alone: {string.Join(", ", only.Take(5))}{(only.Count > 5 ? " ..." : "")}");
    }

    private static double? Value(ImageMetrics image, PersonalizationMetric metric) => metric switch
    {
        PersonalizationMetric.Dino => image.Dino,
        PersonalizationMetric.ClipI => image.ClipI,
        PersonalizationMetric.ClipT => image.ClipT,
        PersonalizationMetric.SubjectSimilarity => image.SubjectSimilarity,
        _ => image.PatchQuality,
    };

    private static string Title(PersonalizationMetric metric) => metric switch
    {
        PersonalizationMetric.Dino => "DINO",
        PersonalizationMetric.ClipI => "CLIP-I",
        PersonalizationMetric.ClipT => "CLIP-T",
        PersonalizationMetric.SubjectSimilarity => "subject similarity",
        _ => "patch quality",
    };

    // Rounded first: a small negative number would come out as "-+0.000".
    private static string Signed(double value) => double.IsNaN(value) ? "?" : Math.Round(value, 3).ToString("+0.000;-0.000;0.000");
}
