using System.CommandLine;
using System.Diagnostics;
using PatchDpo.MLNet;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Models;

namespace PatchDpo.Tool.Evaluate;

/// <summary>Scores generated images as DreamBench or Concept101 does.</summary>
internal sealed class EvaluateCommand : ToolCommand
{
    private const string DreamBenchName = "dreambench", Concept101Name = "concept101";

    private const string WhichModels = "Give both --dino and --clip, or --embedded";

    private const string EmbeddedNote =
        "Measured with the small encoders that come with the library, which only ever saw drawings: the figures compare with no others.";

    private const string ResNetNote = "Measured with ImageNet's ResNet-18: subject similarity is the cosine of its features of whole images, and no DINO score; "
        + "for figures that compare with published ones, give --dino and --clip.";

    private readonly Argument<DirectoryInfo> _folder;
    private readonly Option<DirectoryInfo?> _dreamBench, _concept101, _dino, _clip, _output;
    private readonly Option<string> _benchmark, _setting, _captions;
    private readonly Option<int?> _seed;
    private readonly Option<bool> _embedded, _allowMissing;

    public EvaluateCommand() : base("evaluate", "Scores generated images as DreamBench or Concept101 does: DINO, CLIP-I and CLIP-T, per subject and in all; "
        + "DreamBench without models of yours by subject similarity and patch quality.")
    {
        _folder = DeclareArgument<DirectoryInfo>("generations", "DreamBench: folder with subject/prompt.png for the 30 subjects and their 25 prompts. "
            + "Concept101: folder with comb_0/prompt_gen.png and on.");
        _benchmark = Declare("--benchmark", "dreambench, one subject in a picture; or concept101, two objects in a picture as MIP-Adapter evaluates them.",
            DreamBenchName);
        _benchmark.AcceptOnlyFromAmong(DreamBenchName, Concept101Name);
        _dreamBench = Declare<DirectoryInfo?>("--dreambench", "DreamBench's folder, with subject/00.jpg and on.");
        _concept101 = Declare<DirectoryInfo?>("--concept101", "Concept101's folder (customconcept101), with dataset_multiconcept.json, prompts and "
            + "benchmark_dataset.");
        _dino = Declare<DirectoryInfo?>("--dino", "DINO ViT-S/16 (config.json, model.safetensors) for figures that compare with published ones. Without "
            + "it and --clip: ImageNet's ResNet-18 that comes with the program, whose subject similarity is no DINO score (DreamBench only).");
        _clip = Declare<DirectoryInfo?>("--clip", "CLIP ViT-B/32 (both towers and the tokenizer) for the same.");
        _embedded = Declare<bool>("--embedded", "Instead of --dino and --clip: the small encoders that come with the library. Their figures compare with no "
            + "others.");
        _setting = Declare("--setting", "DreamBench: original: against all photos of a subject; kosmos-g: against one chosen photo. The two do not compare.", "original");
        _setting.AcceptOnlyFromAmong("original", "kosmos-g");
        _captions = Declare("--captions", "Concept101: prompt compares pictures with their prompts; official with what MIP-Adapter's evaluation makes of the "
            + "files' names, as its figures are.", "prompt");
        _captions.AcceptOnlyFromAmong("prompt", "official");
        _output = Declare<DirectoryInfo?>("--output", "Folder for scores.json and scores.tsv; default: dreambench-scores, or concept101-scores.");
        _seed = Declare<int?>("--seed", "The seed that the images were generated with, for the report.");
        _allowMissing = Declare<bool>("--allow-missing", "Evaluate what is there; missing and stray files are listed and go into the report.");
    }

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        string benchmark = arguments.GetValue(_benchmark)!;
        bool isDreamBench = benchmark == DreamBenchName;
        string dataSet = arguments.GetValue(isDreamBench ? _dreamBench : _concept101)?.FullName
            ?? throw new InputException($"Name the data set's folder with --{benchmark}.");
        string output = (arguments.GetValue(_output) ?? new DirectoryInfo(benchmark + "-scores")).FullName;
        return isDreamBench ? RunDreamBench(arguments, dataSet, output, cancellationToken) : RunConcept101(arguments, dataSet, output, cancellationToken);
    }

    private int RunConcept101(ParseResult arguments, string dataSet, string output, CancellationToken cancellationToken)
    {
        (string dino, string clip) = (arguments.GetValue(_embedded), arguments.GetValue(_dino), arguments.GetValue(_clip)) switch
        {
            (true, null, null) => (EmbeddedModels.EvaluationDino, EmbeddedModels.EvaluationClip),
            (false, DirectoryInfo d, DirectoryInfo c) => (d.FullName, c.FullName),
            _ => throw new InputException(WhichModels + "."),
        };
        string[] notes = arguments.GetValue(_embedded) ? [EmbeddedNote] : [];
        PrintNotes(notes);
        Concept101Evaluation.Run(
            arguments.GetValue(_folder)!.FullName, dataSet, () => EvaluationModels.FromFolders(dino, clip, null),
            arguments.GetValue(_captions) == "official" ? Concept101CaptionRule.Official : Concept101CaptionRule.Prompt,
            arguments.GetValue(_allowMissing), notes, output, cancellationToken);
        return Ending.Done;
    }

    private int RunDreamBench(ParseResult arguments, string dataSet, string output, CancellationToken cancellationToken)
    {
        (EvaluationOptions models, string[] notes) = (arguments.GetValue(_embedded), arguments.GetValue(_dino), arguments.GetValue(_clip)) switch
        {
            (true, null, null) => (new EvaluationOptions { Dino = ImageEncoder.EmbeddedDino, ClipFolder = EmbeddedModels.EvaluationClip }, [EmbeddedNote]),
            (false, DirectoryInfo d, DirectoryInfo c) => (EvaluationOptions.DreamBench(d.FullName, c.FullName), (string[])[]),
            (false, null, null) => (EvaluationOptions.ResNet18, [ResNetNote]),
            _ => throw new InputException(WhichModels + ", or none of them for ImageNet's ResNet-18."),
        };
        var evaluator = new PersonalizationEvaluatorOptions
        {
            Setting = arguments.GetValue(_setting) == "original" ? DreamBenchSetting.Original : DreamBenchSetting.KosmosG,
            GenerationSeed = arguments.GetValue(_seed),
        };
        DreamBenchFiles generations = DreamBenchFiles.FindGenerations(arguments.GetValue(_folder)!.FullName);
        DreamBenchFiles photos = DreamBenchFiles.FindPhotos(dataSet, evaluator.Setting);
        ILookup<DreamBenchSubject, string> photosOf = photos.Found.ToLookup(p => p.Subject, p => p.Path);
        Check(generations, photos, photosOf, arguments.GetValue(_allowMissing));
        OutputFolder.Check(output);
        PrintNotes(notes);
        Console.WriteLine($"{generations.Found.Count} images of {generations.Found.DistinctBy(g => g.Subject).Count()} subjects");
        long start = Stopwatch.GetTimestamp();
        PersonalizationMetrics metrics = Evaluation.Run(generations.Found, photosOf, models, evaluator, cancellationToken);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Print(metrics);
        Directory.CreateDirectory(output);
        var report = new EvaluationReport(metrics)
        {
            Notes = notes,
            MissingFiles = [.. generations.Missing, .. photos.Missing],
            StrayFiles = [.. generations.Stray, .. photos.Stray],
        };
        report.WriteJson(Path.Combine(output, "scores.json"));
        report.WriteTsv(Path.Combine(output, "scores.tsv"));
        Console.WriteLine($"{seconds:F1} s; written to '{output}'");
        return Ending.Done;
    }

    private static void PrintNotes(string[] notes)
    {
        foreach (string note in notes)
            Console.WriteLine($"note: {note}");
    }

    private static void Check(DreamBenchFiles generations, DreamBenchFiles photos, ILookup<DreamBenchSubject, string> photosOf, bool allowMissing)
    {
        foreach (string line in Faults("generation", generations).Concat(Faults("photo", photos)))
            Console.Error.WriteLine(line);
        if (!(generations.IsExact && photos.IsExact) && !allowMissing)
        {
            throw new InputException($"{generations.Missing.Count + photos.Missing.Count} files are missing and {generations.Stray.Count + photos.Stray.Count} "
                + "are not of the benchmark; --allow-missing evaluates what is there.");
        }
        if (generations.Found.FirstOrDefault(g => !photosOf.Contains(g.Subject)) is DreamBenchFile orphan)
            throw new InputException($"The data set has no photo to compare '{orphan.Path}' with.");
    }

    /// <summary>A line for each file; a subject of which nothing is there is one line.</summary>
    private static IEnumerable<string> Faults(string kind, DreamBenchFiles files)
    {
        HashSet<string> known = [.. files.Found.Select(f => f.Subject.Name)];
        return files.Missing.GroupBy(f => Path.GetDirectoryName(f)!)
            .SelectMany(subject => known.Contains(subject.Key)
                ? subject.Select(f => $"missing {kind} {f}")
                : [$"missing {kind}s of {subject.Key}: all {subject.Count()}"])
            .Concat(files.Stray.Select(f => $"stray {kind} {f}"));
    }

    private static void Print(PersonalizationMetrics metrics)
    {
        PromptWarnings.Print(metrics.TruncatedPrompts);
        // The columns that were measured.
        (string Title, Func<SubjectMetrics, double?> Value)[] columns =
        [
            .. new (string Title, Func<SubjectMetrics, double?> Value)[]
            {
                ("DINO", s => s.Dino), ("CLIP-I", s => s.ClipI), ("CLIP-T", s => s.ClipT), ("patch quality", s => s.PatchQuality),
                ("subject similarity", s => s.SubjectSimilarity),
            }.Where(c => c.Value(metrics.Subjects[0]) is not null),
        ];
        Console.WriteLine($"{"subject",-20} images  pairs{string.Concat(columns.Select(c => "  " + c.Title.PadLeft(Wide(c.Title))))}");
        foreach (SubjectMetrics s in metrics.Subjects)
            Console.WriteLine($"{s.Subject,-20} {s.Images,6} {s.Pairs,6}"
                + string.Concat(columns.Select(c => "  " + c.Value(s)!.Value.ToString("F3").PadLeft(Wide(c.Title)))));
        Console.WriteLine();
        Console.WriteLine(metrics);
        foreach (EvaluationModel model in metrics.Models)
            Console.WriteLine($"{model.Role}: {model.Name}, SHA-256 {model.Sha256}");

        static int Wide(string title) => Math.Max(title.Length, "0.000".Length);
    }
}
