using System.CommandLine;
using PatchDpo.Tool.Shards;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Build;

/// <summary>Builds a data set for PatchDPO.</summary>
internal sealed class BuildCommand : ToolCommand
{
    private readonly GeneratorOptions _generator = new();
    private readonly EncoderOptions _encoder = new();
    private readonly ViewOptions _views = new();
    private readonly ComputeOptions _compute = new("float32", "float16", "bfloat16");
    private readonly Option<string> _model, _prompts, _format;
    private readonly Option<int> _references, _generations;
    private readonly Option<DirectoryInfo> _output;
    private readonly Option<DirectoryInfo?> _clip;
    private readonly Option<long> _seed;
    private readonly Option<int?> _steps, _batch;
    private readonly Option<double?> _minClipT;
    private readonly Option<bool> _align;
    private readonly ShardOptions _shards = new();

    public BuildCommand()
        : base("build", "Builds a data set for PatchDPO: draws references from prompts, keeps objects on a plain background, generates images "
        + "of them and scores the patches of both.")
    {
        _model = Declare("--model", "Folder (or single file) of the generator that is to be improved, or 'embedded' for the small one that comes with the "
            + "library.", ModelPath.Embedded);
        _generator.AddTo(this, generates: true);
        _encoder.AddTo(this, $"{ModelPath.Embedded} with the embedded generator, else {EncoderChoice.ResNet18}");
        _views.AddTo(this);
        _prompts = Declare("--prompts", "Text file with a prompt a line, or 'builtin': objects on a clean background (for the embedded model: the six that it "
            + "knows).", DataSetBuild.BuiltInPrompts);
        _references = Declare("--references", "How many references to find.", 24);
        _generations = Declare("--generations", "How many images to generate of each reference.", 2);
        _output = Declare("--output",
            "Folder to build, or, after a build that was stopped, to continue: what is there is not made again. Another prompt, option "
            + "or model needs another folder.", new DirectoryInfo(Path.Combine("output", "pairs")));
        _seed = Declare("--seed", "Decides the noise that images start from.", 42L);
        _steps = Declare<int?>("--steps", "Sampling steps; default: 20 for the embedded model, 30 for others.");
        _batch = Declare<int?>("--batch", $"Images generated together; default: {EmbeddedGeneration.Options.BatchSize} for the embedded model, "
            + $"{new GenerationOptions().BatchSize} for others.");
        _clip = Declare<DirectoryInfo?>("--clip", "Folder of a CLIP model, for --min-clip-t.");
        _minClipT = Declare<double?>("--min-clip-t", "Reject references that follow their prompt less than this (cosine).");
        _align = Declare<bool>("--align-objects", "Bring generated objects to their references' place and size before patches are compared, mirrored if they "
            + "match better so; maps then say how likely a patch is right, for 'train --weights identity --contrast 1'. Only where both stand on plain "
            + "backgrounds. Its defaults are those of drawings and of the embedded encoder.");
        _format = DeclareFormat("What images are written as: png, tiff, tga or ppm. The official script takes png only: with another, the folder has no "
            + "patch_quality.pkl.");
        _compute.AddTo(this);
        _shards.AddTo(this);
    }

    public override bool RunsOnRanks => true;

    protected override string StoppedMessage => "Stopped. Run the same command to continue.";

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        string model = arguments.GetValue(_model)!;
        ReferenceViews? views = _views.Read(arguments);
        bool aligns = arguments.GetValue(_align);
        if (aligns)
            ViewOptions.RefuseBesideAlignment(views);
        EncoderChoice encoder = _encoder.Read(arguments, model == ModelPath.Embedded ? ModelPath.Embedded : EncoderChoice.ResNet18);
        PersonalizedModelOptions loading = _generator.Read(arguments, generates: true) with
        {
            Device = _compute.Device(arguments),
            DType = _compute.DType(arguments),
        };
        DataSetBuild.Run(new DataSetSettings(
            model, loading, encoder, arguments.GetValue(_prompts)!,
            arguments.GetValue(_references), arguments.GetValue(_generations), arguments.GetValue(_output)!.FullName, arguments.GetValue(_seed),
            arguments.GetValue(_steps), arguments.GetValue(_clip)?.FullName, arguments.GetValue(_minClipT),
            ImageFormats.Parse(arguments.GetValue(_format)!), arguments.GetValue(_batch), views,
            aligns ? new ObjectAlignment() : null), _shards.Read(arguments), cancellationToken);
        return Ending.Done;
    }
}
