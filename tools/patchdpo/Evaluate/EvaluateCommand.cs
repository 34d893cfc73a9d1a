using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using EvaluateDreamBench;
using PatchDpo.Examples;
using PatchDpo.MLNet;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;

const string EmbeddedNote = "Measured with the small encoders that come with the library, which only ever saw drawings: the figures compare with no others.";

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var folder = new Argument<DirectoryInfo>("generations") { Description = "Folder with subject/prompt.png for the 30 subjects and their 25 prompts." };
var dataSet = new Option<DirectoryInfo>("--dreambench") { Description = "The data set's folder, with subject/00.jpg and on.", Required = true };
var dino = new Option<DirectoryInfo?>("--dino") { Description = "DINO ViT-S/16 (config.json, model.safetensors) for figures that compare with published ones." };
var clip = new Option<DirectoryInfo?>("--clip") { Description = "CLIP ViT-B/32 (both towers and the tokenizer) for the same." };
var embedded = new Option<bool>("--embedded") { Description = "Instead of --dino and --clip: the small encoders that come with the library. Their figures compare with no others." };
var setting = new Option<string>("--setting") { Description = "original: against all photos of a subject; kosmos-g: against one chosen photo. The two do not compare.", DefaultValueFactory = _ => "original" };
var output = new Option<DirectoryInfo>("--output") { Description = "Folder for scores.json and scores.tsv.", DefaultValueFactory = _ => new DirectoryInfo("dreambench-scores") };
var seed = new Option<int?>("--seed") { Description = "The seed that the images were generated with, for the report." };
var allowMissing = new Option<bool>("--allow-missing") { Description = "Evaluate what is there; missing and stray files are listed and go into the report." };
setting.AcceptOnlyFromAmong("original", "kosmos-g");
var root = new RootCommand("Scores generated images as DreamBench does: DINO, CLIP-I and CLIP-T, per subject and in all.")
{
    folder, dataSet, dino, clip, embedded, setting, output, seed, allowMissing,
};
root.SetAction(arguments =>
{
    (ImageEncoder Dino, string Clip) models = (arguments.GetValue(embedded), arguments.GetValue(dino), arguments.GetValue(clip)) switch
    {
        (true, null, null) => (ImageEncoder.EmbeddedDino, EmbeddedModels.EvaluationClip),
        (false, DirectoryInfo d, DirectoryInfo c) => (ImageEncoder.FromFolder(d.FullName), c.FullName),
        _ => throw new InputException("Give either both --dino and --clip, or --embedded."),
    };
    var evaluator = new PersonalizationEvaluatorOptions
    {
        Setting = arguments.GetValue(setting) == "original" ? DreamBenchSetting.Original : DreamBenchSetting.KosmosG,
        GenerationSeed = arguments.GetValue(seed),
    };
    DreamBenchFiles generations = DreamBenchFiles.FindGenerations(arguments.GetValue(folder)!.FullName);
    DreamBenchFiles photos = DreamBenchFiles.FindPhotos(arguments.GetValue(dataSet)!.FullName, evaluator.Setting);
    foreach ((string kind, DreamBenchFiles files) in new[] { ("generation", generations), ("photo", photos) })
        foreach (string line in Faults(kind, files))
            Console.Error.WriteLine(line);
    if (!(generations.IsExact && photos.IsExact) && !arguments.GetValue(allowMissing))
    {
        throw new InputException($"{generations.Missing.Count + photos.Missing.Count} files are missing and {generations.Stray.Count + photos.Stray.Count} "
            + "are not of the benchmark; --allow-missing evaluates what is there.");
    }
    ILookup<DreamBenchSubject, string> photosOf = photos.Found.ToLookup(p => p.Subject, p => p.Path);
    if (generations.Found.FirstOrDefault(g => !photosOf.Contains(g.Subject)) is DreamBenchFile orphan)
        throw new InputException($"The data set has no photo to compare '{orphan.Path}' with.");

    OutputFolder.Check(arguments.GetValue(output)!.FullName);
    string[] notes = [.. arguments.GetValue(embedded) ? [EmbeddedNote] : Array.Empty<string>()];
    foreach (string note in notes)
        Console.WriteLine($"note: {note}");
    Console.WriteLine($"{generations.Found.Count} images of {generations.Found.DistinctBy(g => g.Subject).Count()} subjects");
    long start = Stopwatch.GetTimestamp();
    PersonalizationMetrics metrics = Evaluation.Run(generations.Found, photosOf, models, evaluator);
    double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

    PromptWarnings.Print(metrics.TruncatedPrompts);
    Console.WriteLine($"{"subject",-20} images  pairs   DINO  CLIP-I  CLIP-T");
    foreach (SubjectMetrics s in metrics.Subjects)
        Console.WriteLine($"{s.Subject,-20} {s.Images,6} {s.Pairs,6}  {s.Dino,5:F3}   {s.ClipI,5:F3}   {s.ClipT,5:F3}");
    Console.WriteLine();
    Console.WriteLine(metrics);
    foreach (EvaluationModel model in metrics.Models)
        Console.WriteLine($"{model.Role}: {model.Name}, SHA-256 {model.Sha256}");
    string results = arguments.GetValue(output)!.FullName;
    Directory.CreateDirectory(results);
    var report = new EvaluationReport(metrics) { Notes = notes, MissingFiles = [.. generations.Missing, .. photos.Missing], StrayFiles = [.. generations.Stray, .. photos.Stray] };
    report.WriteJson(Path.Combine(results, "scores.json"));
    report.WriteTsv(Path.Combine(results, "scores.tsv"));
    Console.WriteLine($"{seconds:F1} s; written to '{results}'");
});

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    // One line, also where System.CommandLine lists what it would take.
    Console.Error.WriteLine(string.Join(' ', parsed.Errors.SelectMany(e => e.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))));
    return 2;
}
try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is PatchDpoException or InputException or IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
{
    // One line: what is wrong, and where.
    Console.Error.WriteLine(e.Message.ReplaceLineEndings(" "));
    return 2;
}

// A subject of which nothing is there is one line.
static IEnumerable<string> Faults(string kind, DreamBenchFiles files)
{
    HashSet<string> known = [.. files.Found.Select(f => f.Subject.Name)];
    return files.Missing.GroupBy(f => Path.GetDirectoryName(f)!)
        .SelectMany(subject => known.Contains(subject.Key) ? subject.Select(f => $"missing {kind} {f}") : [$"missing {kind}s of {subject.Key}: all {subject.Count()}"])
        .Concat(files.Stray.Select(f => $"stray {kind} {f}"));
}
