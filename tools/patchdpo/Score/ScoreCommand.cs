using System.CommandLine;
using PatchDpo.Tool.Shards;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>Scores the patches of generated images against reference images.</summary>
internal sealed class ScoreCommand : ToolCommand
{
    // What found colours best in drawings (docs/method.md).
    private const double ColorSpread = 0.15;

    private readonly Option<DirectoryInfo> _generated, _references, _output;
    private readonly Option<FileInfo> _pairs;
    private readonly EncoderOptions _encoder = new();
    private readonly ComputeOptions _compute = new("float32", "bfloat16", "float16");
    private readonly WorkOptions _work = new();
    private readonly Option<string> _format;
    private readonly Option<int> _worst;
    private readonly Option<int?> _heatMaps;
    private readonly MaskOptions _masks = new();
    private readonly ViewOptions _views = new();
    private readonly Option<bool> _align, _compareColors, _overview;
    private readonly ShardOptions _shards = new();
    private readonly ReportOptions _report = new();

    private bool _isSharded;

    public ScoreCommand() : base("score", "Scores the patches of generated images against reference images: which parts of a generated image are not in its "
        + "reference, and which parts of a reference were lost.")
    {
        _generated = Declare<DirectoryInfo>("--generated", "Folder with generated images.");
        _references = Declare<DirectoryInfo>("--references", "Folder with reference images. An image in a sub-folder of the generated ones (its subject) "
            + "belongs to the references' sub-folder of the same name, others to the references' top folder. There it is paired with the image of the same "
            + "name (whatever the ending), else, in a sub-folder, with every image. No file is paired with itself.");
        _pairs = Declare<FileInfo>("--pairs", "Instead of two folders: a tab-separated file with a header and the columns ReferencePath, GeneratedPath and, "
            + "optionally, Prompt, GeneratedMaskPath and ReferenceMaskPath (masks, light where the object is); relative paths start at its folder.");
        _output = Declare("--output", "Folder for scores.tsv, worst-patches.tsv and heat-maps/.", new DirectoryInfo("patch-quality"));
        _worst = Declare("--worst", "How many patches to name per pair, worst first; touching ones count once.", 3);
        _heatMaps = Declare<int?>("--heat-maps", "Draw at most this many pairs, lowest score first; default: all.");
        _format = DeclareFormat("What heat maps are written as: png, tiff, tga or ppm.");
        _masks.AddTo(this);
        _views.AddTo(this);
        _align = Declare<bool>("--align-objects", "Bring generated objects to their references' place and size before patches are compared, mirrored if they "
            + "match better so; maps and scores then say how likely a patch is right. Needs the masks of both images. Its defaults are those of drawings and "
            + "of the embedded encoder.");
        _compareColors = Declare<bool>("--compare-colors", "With --align-objects: have colours count too, light and shade with them, where the objects lie over "
            + "each other so that most of their colours agree. For encoders that see shapes before colours, and for a brand's colours.");
        _overview = Declare<bool>("--overview", "Also draw the pairs that have heat maps into one picture, overview.png, in the pairs' order.");
        _encoder.AddTo(this, EncoderChoice.ResNet18);
        _compute.AddTo(this);
        _work.AddTo(this);
        _report.AddTo(this);
        _shards.AddTo(this);
        Add(Separation());
        Add(Matching());
    }

    public override bool RunsOnRanks => true;

    protected override string StoppedMessage => _isSharded ? "Stopped. Run the same command to continue." : "Stopped; no table is written.";

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        (string? masks, string? referenceMasks, bool plain) = _masks.Read(arguments);
        IReadOnlyList<ImagePair> list = (arguments.GetValue(_pairs), arguments.GetValue(_generated), arguments.GetValue(_references)) switch
        {
            (FileInfo, null, null) when masks is not null || referenceMasks is not null
                => throw new InputException("With --pairs, masks are columns: GeneratedMaskPath and ReferenceMaskPath."),
            (FileInfo file, null, null) => PairFile.Read(file.FullName),
            (null, DirectoryInfo generated, DirectoryInfo references) => PairFolders.Find(generated.FullName, references.FullName, masks, referenceMasks),
            _ => throw new InputException("Give either --pairs, or both --generated and --references."),
        };
        if (plain && list[0].ReferenceMaskPath.Length > 0)
            throw new InputException("--ignore-plain-background finds the references' masks itself; the pairs have a column of them.");
        ReferenceViews? views = _views.Read(arguments);
        bool compareColors = arguments.GetValue(_compareColors);
        ObjectAlignment? alignment = arguments.GetValue(_align) ? Alignment(list[0], plain, views, compareColors) : null;
        if (compareColors && alignment is null)
            throw new InputException("--compare-colors goes with --align-objects: colours are compared where the objects lie over each other.");
        ShardPlan plan = _shards.Read(arguments);
        _isSharded = plan.Shard is not null;
        Scoring.Run(list, new ScoringOptions(
            arguments.GetValue(_output)!.FullName, arguments.GetValue(_worst), arguments.GetValue(_heatMaps) ?? int.MaxValue,
            ImageFormats.Parse(arguments.GetValue(_format)!), plain,
            arguments.GetValue(_overview), Encoder(arguments), views, alignment, _work.Read(arguments), _report.Read(arguments)), plan, cancellationToken);
        return Ending.Done;
    }

    private static ObjectAlignment Alignment(ImagePair like, bool plain, ReferenceViews? views, bool compareColors)
    {
        ViewOptions.RefuseBesideAlignment(views);
        if (like.GeneratedMaskPath.Length == 0 || (like.ReferenceMaskPath.Length == 0 && !plain))
            throw new InputException("--align-objects needs the masks of both images: --mask-dir with --reference-mask-dir or "
                + "--ignore-plain-background, or columns of --pairs.");
        return new ObjectAlignment { ColorSpread = compareColors ? ColorSpread : 0 };
    }

    private EncoderChoice Encoder(ParseResult arguments) => _encoder.Read(arguments, EncoderChoice.ResNet18, _compute);

    private Command Separation()
    {
        var photos = new Argument<DirectoryInfo>("folder") { Description = "One sub-folder per subject, each with photos of it." };
        var limit = new Option<int>("--limit")
        {
            Description = "At most this many same-subject pairs, and as many different-subject pairs.",
            DefaultValueFactory = _ => 400,
        };
        var seed = new Option<int>("--seed") { Description = "Decides which pairs are drawn.", DefaultValueFactory = _ => 42 };
        var command = new Command("separation", "Measures how well the score tells two photos of one subject from photos of two subjects (AUC).")
        {
            photos, limit, seed, _masks.PlainBackground,
        };
        _views.AddTo(command);
        SetAction(command, (arguments, cancellationToken) =>
        {
            Score.Separation.Run(arguments.GetValue(photos)!.FullName, arguments.GetValue(limit), arguments.GetValue(seed),
                arguments.GetValue(_masks.PlainBackground), Encoder(arguments), _views.Read(arguments), _work.Read(arguments), cancellationToken);
            return Ending.Done;
        });
        return command;
    }

    private Command Matching()
    {
        var sequences = new Argument<DirectoryInfo[]>("sequences")
        {
            Description = "Folders of photo sequences with homographies, as HPatches has them (1.png, 2.png, ..., H_1_2, ...).",
            Arity = ArgumentArity.OneOrMore,
        };
        var command = new Command("matching", "Measures which share of patches finds its counterpart in other photos of the same plane.") { sequences };
        _views.AddTo(command);
        SetAction(command, (arguments, _) =>
        {
            Score.Matching.Run([.. arguments.GetValue(sequences)!.Select(f => f.FullName)], Encoder(arguments), _views.Read(arguments));
            return Ending.Done;
        });
        return command;
    }
}
