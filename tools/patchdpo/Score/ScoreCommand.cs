using System.CommandLine;
using PatchDpo.MLNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using ScoreFolder;

var generated = new Option<DirectoryInfo>("--generated") { Description = "Folder with generated images." };
var references = new Option<DirectoryInfo>("--references") { Description = "Folder with reference images." };
var pairs = new Option<FileInfo>("--pairs") { Description = "Instead of two folders: a tab-separated file with a header and the columns ReferencePath, GeneratedPath and, optionally, Prompt; relative paths start at its folder." };
var output = new Option<DirectoryInfo>("--output") { Description = "Folder for scores.tsv, worst-patches.tsv and heat-maps/.", DefaultValueFactory = _ => new DirectoryInfo("patch-quality") };
var worst = new Option<int>("--worst") { Description = "How many patches to name per pair, worst first; touching ones count once.", DefaultValueFactory = _ => 3 };
var heatMaps = new Option<int?>("--heat-maps") { Description = "Draw at most this many pairs, lowest score first; default: all." };
var format = new Option<string>("--format") { Description = "What heat maps are written as: png, tiff, tga or ppm.", DefaultValueFactory = _ => "png" };
format.AcceptOnlyFromAmong([.. ImageFormats.WrittenNames]);
var background = new Option<bool>("--ignore-plain-background") { Description = "Only the object counts where a reference shows it on a plain background." };
var encoder = new Option<FileSystemInfo>("--encoder") { Description = "Folder of a DINO, DINOv2 or CLIP image encoder (config.json, model.safetensors), or a lone checkpoint of these, of a ResNet, a VGG or ALIKE; default: the patch encoder that comes with the library.", Recursive = true };

var root = new RootCommand($"""
    Scores the patches of generated images against reference images: which parts of a generated image are not in its reference, and which parts of a reference were lost.

    Pairing of two folders: an image in a sub-folder (its subject) belongs to the references' sub-folder of the same name, others to the references' top folder. There it is paired with the image of the same name (whatever the ending), else, in a sub-folder, with every image. No file is paired with itself.
    """)
{
    generated, references, pairs, output, worst, heatMaps, format, background, encoder,
};
root.SetAction(result =>
{
    IReadOnlyList<ImagePair> list = (result.GetValue(pairs), result.GetValue(generated), result.GetValue(references)) switch
    {
        (FileInfo file, null, null) => PairFile.Read(file.FullName),
        (null, DirectoryInfo g, DirectoryInfo r) => PairFolders.Find(g.FullName, r.FullName),
        _ => throw new InputException("Give either --pairs, or both --generated and --references."),
    };
    Scoring.Run(list, new ScoringOptions(result.GetValue(output)!.FullName, result.GetValue(worst), result.GetValue(heatMaps) ?? int.MaxValue, ImageFormats.Parse(result.GetValue(format)!),
        result.GetValue(background), result.GetValue(encoder)?.FullName));
});

var photos = new Argument<DirectoryInfo>("folder") { Description = "One sub-folder per subject, each with photos of it." };
var limit = new Option<int>("--limit") { Description = "At most this many same-subject pairs, and as many different-subject pairs.", DefaultValueFactory = _ => 400 };
var seed = new Option<int>("--seed") { Description = "Decides which pairs are drawn.", DefaultValueFactory = _ => 42 };
var separation = new Command("separation", "Measures how well the score tells two photos of one subject from photos of two subjects (AUC).") { photos, limit, seed, background };
separation.SetAction(result => Separation.Run(result.GetValue(photos)!.FullName, result.GetValue(limit), result.GetValue(seed),
    result.GetValue(background), result.GetValue(encoder)?.FullName));
root.Subcommands.Add(separation);

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    Console.Error.WriteLine(string.Join(" ", parsed.Errors.Select(e => e.Message)));
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
