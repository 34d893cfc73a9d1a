using System.CommandLine;
using System.Diagnostics;
using PatchDpo.Tool.Shards;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Evaluate;

/// <summary>Scores generated images as DreamBench or Concept101 does.</summary>
internal sealed class EvaluateCommand : ToolCommand
{
    private const string DreamBenchName = "dreambench", Concept101Name = "concept101";

    private const string WhichModels = "Give both --dino and --clip, or --embedded";

    /// <summary>What every result of the small encoders says.</summary>
    public const string EmbeddedNote =
        "Measured with the small encoders that come with the library, which only ever saw drawings: the figures compare with no others.";

    private const string ResNetNote =
        "Measured with ImageNet's ResNet-18: subject similarity is the cosine of its features of whole images, and no DINO score; "
        + "for figures that compare with published ones, give --dino and --clip.";

    private readonly ComputeOptions _compute = new("float32", "bfloat16", "float16");
    private readonly Argument<DirectoryInfo?> _folder;
    private readonly Option<DirectoryInfo?> _generations, _subjects, _dreamBench, _concept101, _dino, _clip, _output;
    private readonly Option<FileInfo?> _prompts;
    private readonly Option<string> _benchmark, _setting, _captions;
    private readonly Option<int?> _seed;
    private readonly Option<int> _batch;
    private readonly Option<bool> _embedded, _allowMissing;
    private readonly ShardOptions _shards = new();
    private readonly ReportOptions _report = new();
    private readonly MaskOptions _masks = new();

    private bool _isSharded;

    public EvaluateCommand() : base("evaluate", "Scores generated images as DreamBench or Concept101 does: DINO, CLIP-I and CLIP-T, per subject and in all; "
        + "DreamBench without models of yours by subject similarity and patch quality.")
    {
        _folder = DeclareArgument<DirectoryInfo?>("generations", "With --subjects: folder with subject/prompt.png, or the images of a single subject. "
            + "DreamBench: folder with subject/prompt.png for the 30 subjects and their 25 prompts. "
            + "Concept101: folder with comb_0/prompt_gen.png and on.");
        _folder.Arity = ArgumentArity.ZeroOrOne;
        _generations = Declare<DirectoryInfo?>("--generations", "The same, by name.");
        _subjects = Declare<DirectoryInfo?>("--subjects", "Your own products in the place of a benchmark: a folder of photos for each, any number, or "
            + "the photos of a single one. An image's name without its ending is its prompt, unless --prompts names another.");
        _prompts = Declare<FileInfo?>("--prompts", "With --subjects: a tab-separated file with a header and the columns File (below the generations) "
            + "and Prompt.");
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
        _setting = Declare("--setting", "DreamBench: original: against all photos of a subject; kosmos-g: against one chosen photo. The two do not "
            + "compare.", "original");
        _setting.AcceptOnlyFromAmong("original", "kosmos-g");
        _captions = Declare("--captions", "Concept101: prompt compares pictures with their prompts; official with what MIP-Adapter's evaluation makes of the "
            + "files' names, as its figures are.", "prompt");
        _captions.AcceptOnlyFromAmong("prompt", "official");
        _output = Declare<DirectoryInfo?>("--output", "Folder for scores.json and scores.tsv; default: scores, dreambench-scores or concept101-scores.");
        _seed = Declare<int?>("--seed", "The seed that the images were generated with, for the report.");
        _allowMissing = Declare<bool>("--allow-missing", "Evaluate what is there; missing and stray files are listed and go into the report.");
        _masks.AddTo(this);
        _batch = Declare("--batch", "Images encoded at once.", new PersonalizationEvaluatorOptions().BatchSize);
        _compute.AddTo(this);
        _report.AddTo(this);
        _shards.AddTo(this);
    }

    public override bool RunsOnRanks => true;

    protected override string StoppedMessage => _isSharded ? "Stopped. Run the same command to continue." : base.StoppedMessage;

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        _isSharded = _shards.Read(arguments).Shard is not null;
        if (arguments.GetValue(_subjects) is DirectoryInfo subjects)
            return RunProducts(arguments, subjects.FullName, cancellationToken);
        if (_masks.Read(arguments) is not (null, null, false))
            throw new InputException("Masks are for products of your own (--subjects); the benchmarks are measured without.");
        string benchmark = arguments.GetValue(_benchmark)!;
        if (benchmark == Concept101Name && _report.Read(arguments) is not null)
            throw new InputException("--report shows single subjects; it has no page for Concept101.");
        bool isDreamBench = benchmark == DreamBenchName;
        string dataSet = arguments.GetValue(isDreamBench ? _dreamBench : _concept101)?.FullName
            ?? throw new InputException($"Name the data set's folder with --{benchmark}, or your own products' with --subjects.");
        string output = (arguments.GetValue(_output) ?? new DirectoryInfo(benchmark + "-scores")).FullName;
        return isDreamBench ? RunDreamBench(arguments, dataSet, output, cancellationToken) : RunConcept101(arguments, dataSet, output, cancellationToken);
    }

    private int Batch(ParseResult arguments) => arguments.GetValue(_batch) is >= 1 and int size ? size : throw new InputException("--batch must be at least 1.");

    private string Generations(ParseResult arguments) => (arguments.GetValue(_folder), arguments.GetValue(_generations)) switch
    {
        (DirectoryInfo folder, null) => folder.FullName,
        (null, DirectoryInfo folder) => folder.FullName,
        _ => throw new InputException("Name one folder of generated images."),
    };

    private int RunProducts(ParseResult arguments, string subjects, CancellationToken cancellationToken)
    {
        var found = ProductFolders.Find(subjects, Generations(arguments), _masks.Read(arguments), arguments.GetValue(_prompts)?.FullName);
        foreach (string line in found.Missing.Select(s => $"no generated image of '{s}'").Concat(found.Stray.Select(s => $"no photos of '{s}'")))
            Console.Error.WriteLine(line);
        if (found.Missing.Count + found.Stray.Count > 0 && !arguments.GetValue(_allowMissing))
        {
            throw new InputException(
                $"{found.Missing.Count} subjects have no image and {found.Stray.Count} no photos; --allow-missing evaluates what is there.");
        }
        (Func<EvaluationModels> open, string[] notes) = Models(arguments);
        string output = (arguments.GetValue(_output) ?? new DirectoryInfo("scores")).FullName;
        var evaluator = new PersonalizationEvaluatorOptions { GenerationSeed = arguments.GetValue(_seed), BatchSize = Batch(arguments) };
        Measure(found.Images, open, evaluator, output, notes, found.Missing, found.Stray, _report.Read(arguments), Title(Generations(arguments)),
            _shards.Read(arguments), cancellationToken);
        return Ending.Done;
    }

    /// <summary>What opens the models that were asked for, and what a reader of their figures must know.</summary>
    private (Func<EvaluationModels> Open, string[] Notes) Models(ParseResult arguments)
        => (arguments.GetValue(_embedded), arguments.GetValue(_dino), arguments.GetValue(_clip)) switch
        {
            (true, null, null) => (() => EvaluationModels.LoadEmbedded(_compute.Device(arguments), _compute.DType(arguments)), [EmbeddedNote]),
            (false, DirectoryInfo d, DirectoryInfo c) => (() => Open(arguments, d.FullName, c.FullName), []),
            (false, null, null) => (() => EvaluationModels.LoadResNet18(_compute.Device(arguments), _compute.DType(arguments)), [ResNetNote]),
            _ => throw new InputException(WhichModels + ", or none of them for ImageNet's ResNet-18."),
        };

    private EvaluationModels Open(ParseResult arguments, string dino, string clip)
        => EvaluationModels.FromFolders(dino, clip, null, _compute.Device(arguments), _compute.DType(arguments));

    private static void Measure(
        IReadOnlyList<ProductImage> images, Func<EvaluationModels> open, PersonalizationEvaluatorOptions options, string output, string[] notes,
        IReadOnlyList<string> missing, IReadOnlyList<string> stray, ReportFile? page, string title, ShardPlan plan, CancellationToken cancellationToken)
    {
        OutputFolder.Check(output);
        PrintNotes(notes);
        Console.WriteLine($"{images.Count} images of {images.DistinctBy(i => i.Subject).Count()} subjects");
        long start = Stopwatch.GetTimestamp();
        using EvaluationModels models = open();
        if (ProductEvaluation.Run(images, models, options, plan, output, cancellationToken) is not { } metrics)
            return;
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Print(metrics);
        Directory.CreateDirectory(output);
        var report = new EvaluationReport(metrics)
        {
            Notes = notes,
            ImageNames = [.. images.Select(i => i.Name)],
            Files = [.. images.Select(i => i.Files)],
            MissingFiles = missing,
            StrayFiles = stray,
        };
        report.WriteJson(Path.Combine(output, "scores.json"));
        report.WriteTsv(Path.Combine(output, "scores.tsv"));
        Console.WriteLine($"{seconds:F1} s; written to '{output}'");
        // DINO's patches are told apart as well, where nothing else gives patch quality.
        IVisionEncoder patches = models.PatchEncoder ?? models.Dino!;
        page?.Write($"Evaluation of {title}", notes, html => html.AddEvaluation(report, heatMaps: new PatchQualityEstimator(patches)));
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
            Generations(arguments), dataSet, () => Open(arguments, dino, clip), Batch(arguments),
            arguments.GetValue(_captions) == "official" ? Concept101CaptionRule.Official : Concept101CaptionRule.Prompt,
            arguments.GetValue(_allowMissing), notes, output, _shards.Read(arguments), cancellationToken);
        return Ending.Done;
    }

    private int RunDreamBench(ParseResult arguments, string dataSet, string output, CancellationToken cancellationToken)
    {
        (Func<EvaluationModels> open, string[] notes) = Models(arguments);
        var evaluator = new PersonalizationEvaluatorOptions
        {
            Setting = arguments.GetValue(_setting) == "original" ? DreamBenchSetting.Original : DreamBenchSetting.KosmosG,
            GenerationSeed = arguments.GetValue(_seed),
            BatchSize = Batch(arguments),
        };
        string folder = Generations(arguments);
        DreamBenchFiles generations = DreamBenchFiles.FindGenerations(folder);
        DreamBenchFiles photos = DreamBenchFiles.FindPhotos(dataSet, evaluator.Setting);
        ILookup<DreamBenchSubject, string> photosOf = photos.Found.ToLookup(p => p.Subject, p => p.Path);
        Check(generations, photos, photosOf, arguments.GetValue(_allowMissing));
        ProductImage[] images = [.. generations.Found.Select(g => new ProductImage(
            g.Subject.Name, Path.GetRelativePath(folder, g.Path).Replace(Path.DirectorySeparatorChar, '/'), g.Name, g.Path, [.. photosOf[g.Subject]]))];
        Measure(images, open, evaluator, output, notes, [.. generations.Missing, .. photos.Missing], [.. generations.Stray, .. photos.Stray],
            _report.Read(arguments), Title(folder), _shards.Read(arguments), cancellationToken);
        return Ending.Done;
    }

    private static string Title(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));

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
