using System.CommandLine;
using System.Diagnostics;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Generate;

/// <summary>Draws the object of reference photos in the scenes that prompts describe.</summary>
internal sealed class GenerateCommand : ToolCommand
{
    private static readonly GenerationOptions Defaults = new();
    private static readonly AutomaticLayout DefaultLayout = new();

    private readonly GeneratorOptions _generator = new();
    private readonly ReferenceOptions _references = new();
    private readonly ComputeOptions _compute = new("float32", "float16", "bfloat16");
    private readonly Argument<string> _model;
    private readonly Option<string?> _prompt, _negative;
    private readonly Option<FileInfo?> _prompts;
    private readonly Option<DirectoryInfo> _output;
    private readonly Option<string> _format;
    private readonly Option<long> _seed;
    private readonly Option<int> _count, _batch;
    private readonly Option<int?> _steps, _width, _height, _layoutStart;
    private readonly Option<double> _scale;
    private readonly Option<double?> _guidance, _layoutThreshold;
    private readonly Option<bool> _objects, _refuse, _allowEmpty;

    public GenerateCommand() : base("generate", "Draws the object of reference photos in the scenes that prompts describe.")
    {
        GenerationOptions embedded = EmbeddedGeneration.Options;
        _model = DeclareArgument<string>("model", "A Stable Diffusion 1.5 or SDXL pipeline in diffusers' layout, a whole such model in one file (.safetensors, "
            + ".ckpt), or 'embedded' for the small one that comes with the library.");
        _generator.AddTo(this, generates: true);
        _prompt = Declare<string?>("--prompt", "What to show.");
        _prompts = Declare<FileInfo?>("--prompts", "Instead of one prompt: a text file with a prompt on each line.");
        _references.AddTo(this);
        _objects = Declare<bool>("--objects", "Each reference shows another object of the prompt, as in \"a cat and a robot, on a beach\".");
        _layoutStart = Declare<int?>("--layout-start", "MS-Diffusion: lays all objects out by their names from this call of the network on, whatever boxes they "
            + $"have; those without a box are from the {DefaultLayout.StartStep}th on.");
        _layoutThreshold = Declare<double?>("--layout-threshold", "MS-Diffusion: how clearly a place has to be an object's to become it, 0 to 1, with "
            + $"--layout-start; default: {DefaultLayout.Threshold}.");
        _output = DeclareRequired<DirectoryInfo>("--output", "Folder for the images, prompt.png; a name that is taken gets a number.");
        _seed = Declare("--seed", "Decides the starting noise.", Defaults.Seed);
        _steps = Declare<int?>("--steps", $"Sampling steps; default: {Defaults.Steps}, {embedded.Steps} for the embedded model.");
        _guidance = Declare<double?>("--guidance", "Weight of the prompt against the negative prompt; at most 1 turns guidance off; default: "
            + $"{Defaults.GuidanceScale}, {embedded.GuidanceScale} for the embedded model.");
        _scale = Declare("--scale", "Weight of the references beside the prompt.", 1.0);
        _negative = Declare<string?>("--negative", $"What not to show; default: \"{Defaults.NegativePrompt}\", nothing for the embedded model.");
        _width = Declare<int?>("--width", "Width in pixels; default: what the model was trained for.");
        _height = Declare<int?>("--height", "Height in pixels; default: what the model was trained for.");
        _count = Declare("--count", "Images of each prompt.", 1);
        _batch = Declare("--batch", "Images generated together.", Defaults.BatchSize);
        _refuse = Declare<bool>("--refuse-long-prompts", "A prompt with more tokens than the text encoder takes is an error; else it is cut, with a warning.");
        _allowEmpty = Declare<bool>("--allow-empty-prompt", "An empty --prompt is no error: the references alone say what to draw.");
        _format = DeclareFormat("What images are written as: png, tiff, tga or ppm.");
        _compute.AddTo(this);
    }

    protected override string StoppedMessage => "Stopped; the images that are named above are written.";

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        string[] prompts = (arguments.GetValue(_prompt), arguments.GetValue(_prompts)) switch
        {
            (string text, null) => [text],
            (null, FileInfo file) => [.. PromptFile.Read(file.FullName)],
            _ => throw new InputException("Give either --prompt or --prompts."),
        };
        int count = arguments.GetValue(_count);
        if (prompts is [string only] && string.IsNullOrWhiteSpace(only) && !arguments.GetValue(_allowEmpty))
            throw new InputException("--prompt is empty; --allow-empty-prompt draws from the references alone.");
        if (count < 1)
            throw new InputException("--count must be at least 1.");
        GenerationOptions options = Choices(arguments);
        ReferenceImage[] references = _references.Read(arguments);
        GenerationRequest[] requests =
        [
            .. prompts.SelectMany(p => Enumerable.Repeat(p, count)).Select((p, i) => new GenerationRequest(p, references) { NoiseIndex = i }),
        ];
        DirectoryInfo output = arguments.GetValue(_output)!;
        OutputFolder.Check(output.FullName);
        using var model = PersonalizedModel.Load(ModelPath.Generator(arguments.GetValue(_model)!), _generator.Read(arguments, generates: true) with
        {
            Device = _compute.Device(arguments),
            DType = _compute.DType(arguments),
        });
        if (arguments.GetValue(_objects))
            options = options with { ReferenceFusion = model.ObjectFusion };
        IReadOnlyList<TruncatedPrompt> truncated = Truncated(model, prompts, options);
        var names = new ImageNames(output.FullName, ImageFormats.Parse(arguments.GetValue(_format)!));
        long start = Stopwatch.GetTimestamp();
        int done = 0;
        // Batch by batch, so that an interrupted run has what was finished.
        foreach (GenerationRequest[] batch in requests.Chunk(options.BatchSize))
        {
            IReadOnlyList<ImageBuffer> images = Draw(model, batch, options, done, requests.Length, truncated, cancellationToken);
            output.Create();
            foreach ((GenerationRequest request, ImageBuffer image) in batch.Zip(images))
                Console.WriteLine(names.Save(request.Prompt, image));
            done += batch.Length;
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.Error.WriteLine($"{done} images in {seconds:F1} s, {seconds / done:F2} s each");
        return Ending.Done;
    }

    private static IReadOnlyList<ImageBuffer> Draw(
        PersonalizedModel model, GenerationRequest[] batch, GenerationOptions options, int done, int total, IReadOnlyList<TruncatedPrompt> truncated,
        CancellationToken cancellationToken)
    {
        string range = $"images {done + 1} to {done + batch.Length} of {total}";
        return ToolProgress.Run(range, shown => model.Generate(batch, options, new DirectProgress<GenerationProgress>(p =>
        {
            // By now all options have passed: a fault in one is told alone.
            if (done == 0 && p.Step == 1)
            {
                PromptWarnings.Print(truncated, shown.WriteLine);
                PromptWarnings.Print(p.Warnings, shown.WriteLine);
            }
            shown.Report(p.Step, p.Steps, $"{range}: step {p.Step} of {p.Steps}");
        }), cancellationToken));
    }

    private GenerationOptions Choices(ParseResult arguments)
    {
        GenerationOptions defaults = arguments.GetValue(_model) == ModelPath.Embedded ? EmbeddedGeneration.Options : Defaults;
        return defaults with
        {
            Steps = arguments.GetValue(_steps) ?? defaults.Steps,
            GuidanceScale = arguments.GetValue(_guidance) ?? defaults.GuidanceScale,
            AdapterScale = arguments.GetValue(_scale),
            AutomaticLayout = arguments.GetValue(_layoutStart) is int start
                ? new() { StartStep = start, Threshold = arguments.GetValue(_layoutThreshold) ?? DefaultLayout.Threshold } : null,
            NegativePrompt = arguments.GetValue(_negative) ?? defaults.NegativePrompt,
            Seed = arguments.GetValue(_seed),
            BatchSize = arguments.GetValue(_batch),
            Width = arguments.GetValue(_width),
            Height = arguments.GetValue(_height),
            Sampler = _generator.Sampler(arguments),
            AllowEmptyPrompts = arguments.GetValue(_allowEmpty),
            RefuseTruncatedPrompts = arguments.GetValue(_refuse),
        };
    }

    /// <summary>The prompts that are cut. A prompt is named by its place in the file, however many images it gets.</summary>
    private static IReadOnlyList<TruncatedPrompt> Truncated(PersonalizedModel model, string[] prompts, GenerationOptions options)
    {
        IReadOnlyList<TruncatedPrompt> negative = options.GuidanceScale > 1 ? model.FindTruncatedPrompts([options.NegativePrompt]) : [];
        TruncatedPrompt[] truncated = [.. model.FindTruncatedPrompts(prompts), .. negative.Select(t => t with { Index = null })];
        if (options.RefuseTruncatedPrompts && truncated.Length > 0)
            throw new TruncatedPromptException(truncated[0]);
        return truncated;
    }
}
