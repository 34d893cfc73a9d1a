using System.CommandLine;
using PatchDpo.Tool.Build;
using PatchDpo.Tool.Shared;
using PatchDpo.Tool.Train;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.Tool.Reproduce;

/// <summary>The paper's table: data, tuning, DreamBench before and after, and the published figures beside.</summary>
internal sealed class ReproduceCommand : ToolCommand
{
    // The official run's 8 GPUs, as batches whose gradients a step takes the mean of.
    private const int OfficialGpus = 8;

    private static readonly PatchDpoTrainerOptions Training = new();
    private static readonly GenerationOptions Drawing = new();

    private readonly GeneratorOptions _generator = new();
    private readonly EncoderOptions _encoder = new();
    private readonly ComputeOptions _compute = new("float32", "bfloat16");
    private readonly Option<string> _model, _dataPrompts;
    private readonly Option<DirectoryInfo> _dreamBench, _output;
    private readonly Option<DirectoryInfo?> _dino, _clip;
    private readonly Option<int> _seed, _batch, _checkpointEvery;
    private readonly Option<int?> _references, _generations, _dataSteps, _trainingSteps, _batchSize, _accumulation, _prompts, _steps;
    private readonly Option<double?> _learningRate;
    private readonly Option<string[]> _subjects;
    private readonly Option<bool> _quick, _gradientCheckpointing;

    public ReproduceCommand() : base("reproduce", "Makes the paper's table: builds a data set, tunes the adapter with PatchDPO, draws DreamBench in both "
        + "settings before and after, measures DINO, CLIP-I and CLIP-T, and sets them beside the published figures. It goes on where it was stopped or killed.")
    {
        (int steps, int batch, double rate, _) = EmbeddedTraining.Choices;
        _model = Declare("--model", "Folder (or single file) of the generator, or 'embedded' for the small one that comes with the library, whose figures mean "
            + "nothing beside the published ones.", ModelPath.Embedded);
        _generator.AddTo(this, generates: true);
        _dreamBench = DeclareRequired<DirectoryInfo>("--dreambench", "DreamBench's folder, with subject/00.jpg and on.");
        _dino = Declare<DirectoryInfo?>("--dino", "DINO ViT-S/16, which measures; default, for the embedded model alone: the small one that comes with it.");
        _clip = Declare<DirectoryInfo?>("--clip", "CLIP ViT-B/32 (both towers and the tokenizer), which measures; default as for --dino.");
        _encoder.AddTo(this, $"{ModelPath.Embedded} with the embedded generator, else {EncoderChoice.ResNet18}");
        _output = Declare("--output", "Folder for everything, or, after a run that was stopped, to go on in. Other options or models need another.",
            new DirectoryInfo(Path.Combine("output", "reproduction")));
        _seed = Declare("--seed", "Decides the noise of data and images, and the training.", (int)Drawing.Seed);
        _dataPrompts = Declare("--data-prompts", "Text file with a prompt a line that the data set's references are drawn from, or 'builtin'.",
            DataSetBuild.BuiltInPrompts);
        _references = Declare<int?>("--references", "References of the data set; default: 1000, 24 for the embedded model.");
        _generations = Declare<int?>("--generations", "Images to generate of each reference; default: 2.");
        _dataSteps = Declare<int?>("--data-steps", "Sampling steps of the data set; default: 30, 20 for the embedded model.");
        _trainingSteps = Declare<int?>("--training-steps", $"Optimizer steps; default: {Training.MaxSteps}, {steps} for the embedded model.");
        _batchSize = Declare<int?>("--batch-size", $"Pairs in a batch of the training; default: {Training.BatchSize}, {batch} for the embedded model.");
        _accumulation = Declare<int?>("--accumulate", "Batches whose gradients a step takes the mean of; default: "
            + $"{OfficialGpus}, as the official run has GPUs, 1 for the embedded model.");
        _learningRate = Declare<double?>("--learning-rate", $"AdamW's learning rate; default: {Training.LearningRate:0.#####}, {rate} for the embedded model.");
        _gradientCheckpointing = Declare<bool>("--gradient-checkpointing", "Compute the network's blocks once more in the backward pass: less memory, more "
            + "time.");
        _checkpointEvery = Declare("--checkpoint-every", "Steps between two checkpoints of the training.", new TrainingStateOptions { Folder = "." }.Interval);
        _subjects = Declare<string[]>("--subjects", "Subjects of DreamBench to draw; default: all 30.");
        _subjects.AllowMultipleArgumentsPerToken = true;
        _prompts = Declare<int?>("--prompts", "How many of each subject's prompts to draw, the first ones; default: all 25.");
        _steps = Declare<int?>("--steps", $"Sampling steps of the benchmark's images; default: {Drawing.Steps}, {EmbeddedGeneration.Options.Steps} for the "
            + "embedded model.");
        _batch = Declare("--batch", "Images generated together.", Drawing.BatchSize);
        _quick = Declare<bool>("--quick", "A short form that shows that everything works: two subjects, two prompts, two pairs and few steps, where nothing "
            + "else is given.");
        _compute.AddTo(this);
    }

    protected override string StoppedMessage => "Stopped. Run the same command to continue.";

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        new Reproduction(Read(arguments)).Run(cancellationToken);
        return Ending.Done;
    }

    private ReproductionSettings Read(ParseResult arguments)
    {
        string model = arguments.GetValue(_model)!;
        bool isSmall = model == ModelPath.Embedded, isQuick = arguments.GetValue(_quick);
        (string dino, string clip) = (isSmall, arguments.GetValue(_dino), arguments.GetValue(_clip)) switch
        {
            (_, DirectoryInfo d, DirectoryInfo c) => (d.FullName, c.FullName),
            (true, null, null) => (EmbeddedModels.EvaluationDino, EmbeddedModels.EvaluationClip),
            _ => throw new InputException("Give both --dino and --clip, whose figures the table is made of; the embedded model alone has its own."),
        };
        string output = arguments.GetValue(_output)!.FullName;
        int seed = arguments.GetValue(_seed);
        PersonalizedModelOptions loading = _generator.Read(arguments, generates: true) with
        {
            Device = _compute.Device(arguments),
            DType = _compute.DType(arguments),
        };
        var data = new DataSetSettings(
            model, loading, _encoder.Read(arguments, isSmall ? ModelPath.Embedded : EncoderChoice.ResNet18), arguments.GetValue(_dataPrompts)!,
            Value(_references, 2, 24, 1000), Value(_generations, 1, 2, 2), Path.Combine(output, "data"), seed, Value(_dataSteps, 4, 20, 30), Clip: null,
            MinClipT: null, ImageFormat.Png);
        GenerationOptions drawing = (isSmall ? EmbeddedGeneration.Options : Drawing) with
        {
            Steps = Value(_steps, 4, EmbeddedGeneration.Options.Steps, Drawing.Steps),
            Seed = seed,
            BatchSize = arguments.GetValue(_batch),
            Sampler = _generator.Sampler(arguments),
        };
        return new ReproductionSettings(
            data, Tuning(arguments, isSmall, Path.Combine(output, "training")), drawing, arguments.GetValue(_dreamBench)!.FullName,
            Subjects(arguments.GetValue(_subjects) ?? [], isQuick), Prompts(Value(_prompts, 2, null, null)), dino, clip, output);

        int Value(Option<int?> option, int quick, int? small, int? real)
            => arguments.GetValue(option) ?? (isQuick ? quick : (isSmall ? small : real) ?? int.MaxValue);
    }

    private PatchDpoTrainerOptions Tuning(ParseResult arguments, bool isSmall, string state)
    {
        const int QuickSteps = 4, QuickBatch = 2;
        (int steps, int batch, double rate, WeightMapOptions weights) = isSmall
            ? EmbeddedTraining.Choices
            : (Training.MaxSteps, Training.BatchSize, Training.LearningRate, Training.Weights);
        bool isQuick = arguments.GetValue(_quick);
        return new PatchDpoTrainerOptions
        {
            MaxSteps = arguments.GetValue(_trainingSteps) ?? (isQuick ? QuickSteps : steps),
            BatchSize = arguments.GetValue(_batchSize) ?? (isQuick ? QuickBatch : batch),
            GradientAccumulation = arguments.GetValue(_accumulation) ?? (isQuick || isSmall ? 1 : OfficialGpus),
            LearningRate = arguments.GetValue(_learningRate) ?? rate,
            Weights = weights,
            GradientCheckpointing = arguments.GetValue(_gradientCheckpointing),
            Seed = arguments.GetValue(_seed),
            State = new TrainingStateOptions { Folder = state, Interval = arguments.GetValue(_checkpointEvery) },
        };
    }

    private static DreamBenchSubject[] Subjects(string[] names, bool isQuick)
    {
        // An object and an animal, which have prompts of their own.
        if (names.Length == 0)
            names = isQuick ? ["backpack", "cat"] : [.. DreamBench.Subjects.Select(s => s.Name)];
        if (names.FirstOrDefault(n => DreamBench.Subjects.All(s => s.Name != n)) is string unknown)
            throw new InputException($"DreamBench has no subject '{unknown}'; it has {string.Join(", ", DreamBench.Subjects.Select(s => s.Name))}.");
        return [.. DreamBench.Subjects.Where(s => names.Contains(s.Name))];
    }

    private static int Prompts(int asked) => asked >= 1 ? Math.Min(asked, DreamBench.Prompts(DreamBench.Subjects[0]).Count)
        : throw new InputException("--prompts must be at least 1.");
}
