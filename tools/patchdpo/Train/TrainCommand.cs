using System.CommandLine;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Objectives;
using PatchDpo.Torch.Training.Parallel;
using PatchDpo.Torch.Training.Probes;

namespace PatchDpo.Tool.Train;

/// <summary>Fine-tunes a generator's adapter on a folder of pairs.</summary>
internal sealed class TrainCommand : ToolCommand
{
    private static readonly PatchDpoTrainerOptions Defaults = new();
    private static readonly OptionNames<WeightMapKind> Kinds = new();
    private static readonly OptionNames<LearningRateDecay> Decays = new();
    private static readonly OptionNames<TrainedSet> Sets = new();

    private readonly GeneratorOptions _generator = new();
    private readonly ComputeOptions _compute = new("float32", "bfloat16");
    private readonly Option<string> _model, _objective, _schedule, _trained;
    private readonly Option<string?> _weights, _log;
    private readonly Option<DirectoryInfo> _pairs;
    private readonly Option<FileInfo?> _output;
    private readonly Option<long> _seed;
    private readonly Option<int> _warmup, _accumulation;
    private readonly Option<int?> _steps, _batch, _size;
    private readonly Option<double> _beta, _low, _high, _weightDecay, _noiseOffset, _textDropout, _imageDropout, _bothDropout, _scale;
    private readonly Option<double?> _learningRate, _contrast, _minSnr, _maxNorm, _spikeFactor, _ema;
    private readonly Option<bool> _refuse, _verify, _prepareOnly, _gradientCheckpointing;
    private readonly StateOptions _state = new();
    private readonly StoreOptions _store = new();
    private readonly ProbeOptions _probe = new();
    private readonly RankOptions _ranks = new();
    private readonly ReportOptions _report = new();

    private bool _continues;

    public TrainCommand() : base("train", "Fine-tunes a generator's adapter with PatchDPO on pairs whose patches are scored, and writes the tuned adapter.")
    {
        (int steps, int batch, double rate, WeightMapOptions weights) = EmbeddedTraining.Choices;
        _model = Declare("--model", "Folder (or single file) of the generator, or 'embedded' for the small one that comes with the library.",
            ModelPath.Embedded);
        _generator.AddTo(this, generates: false);
        _pairs = DeclareRequired<DirectoryInfo>("--pairs", "Folder of pairs: what 'build' makes, or a folder in the official layout (sample0/, sample1/, ..., "
            + "patch_quality.pkl); its references.jsonl names the objects of families that need names, boxes or several of them.");
        _verify = Declare<bool>("--verify", "Compare every file of the pairs with its SHA-256 in the manifest first.");
        _output = Declare<FileInfo?>("--output", "File for the adapter: .safetensors, or .bin for the official form in float16. It is replaced where it "
            + "exists, and only when the training is done.");
        _objective = Declare("--objective", $"What is minimised; all but {TrainingObjectives.NameOf(Defaults.Objective)} are baselines to compare it with.",
            TrainingObjectives.NameOf(Defaults.Objective));
        _objective.AcceptOnlyFromAmong([.. TrainingObjectives.Names]);
        _trained = Declare("--train", $"Which parts of the adapter are trained: {Sets.All}, which is both.", Sets.Of(Defaults.TrainedSet));
        _trained.AcceptOnlyFromAmong([.. Sets.Names]);
        _steps = Declare<int?>("--steps", $"Optimizer steps; default: {Defaults.MaxSteps}, {steps} for the embedded model.");
        _batch = Declare<int?>("--batch-size", $"Pairs in a step, or under mpirun a rank's share of it; default: {Defaults.BatchSize}, {batch} for "
            + "the embedded model.");
        _learningRate = Declare<double?>("--learning-rate", $"AdamW's learning rate; default: {Defaults.LearningRate:0.#####}, {rate} for the embedded model.");
        _schedule = Declare("--schedule", "How the learning rate falls after the warm-up.", Decays.Of(Defaults.LearningRateSchedule.Decay));
        _schedule.AcceptOnlyFromAmong([.. Decays.Names]);
        _warmup = Declare("--warmup-steps", "Steps over which the learning rate rises from 0.", Defaults.LearningRateSchedule.WarmupSteps);
        _accumulation = Declare("--accumulate", "Batches whose gradients a step takes the mean of: more pairs in a step in the same memory.",
            Defaults.GradientAccumulation);
        _maxNorm = Declare<double?>("--max-gradient-norm", "The norm that gradients are shortened to; default: they are not.");
        _spikeFactor = Declare<double?>("--spike-factor", "A step whose gradients are more than so many times as long as those before changes nothing; "
            + "default: "
            + "all are taken.");
        _ema = Declare<double?>("--ema-decay", "Decay of a moving average of the adapter, which is then what is written; default: none.");
        _weightDecay = Declare("--weight-decay", "AdamW's weight decay.", Defaults.WeightDecay);
        _weights = Declare<string?>("--weights", $"How patch quality becomes the weight of the loss: {Kinds.All}; the second stretches it over the data set. "
            + $"Default: {Kinds.Of(Defaults.Weights.Kind)}, {Kinds.Of(weights.Kind)} for the embedded model.");
        _weights.AcceptOnlyFromAmong([.. Kinds.Names]);
        _contrast = Declare<double?>("--contrast", "Exponent of that weight: above 1 only the best patches keep weight; default: "
            + $"{Defaults.Weights.Contrast}, {weights.Contrast} for the embedded model.");
        _low = Declare("--low-percentile", "min-max: the percentile of patch quality that becomes 0.", Defaults.Weights.LowPercentile);
        _high = Declare("--high-percentile", "min-max: the percentile of patch quality that becomes 1.", Defaults.Weights.HighPercentile);
        _minSnr = Declare<double?>("--min-snr-gamma", "Cut of min-SNR weighting of timesteps; default: none, all alike.");
        _noiseOffset = Declare("--noise-offset", "Standard deviation of noise that a whole channel of a latent shares.", Defaults.NoiseOffset);
        _gradientCheckpointing = Declare<bool>("--gradient-checkpointing", "Compute the network's blocks once more in the backward pass: less memory, more "
            + "time.");
        _beta = Declare("--beta", "diffusion-dpo: how strongly the model is held to what it was.", Defaults.DiffusionDpoBeta);
        _textDropout = Declare("--text-dropout", "Share of pairs whose prompt is left empty.", Defaults.TextDropout);
        _imageDropout = Declare("--image-dropout", "Share of pairs whose image prompt is left out.", Defaults.ImageDropout);
        _bothDropout = Declare("--both-dropout", "Share of pairs that lose both.", Defaults.BothDropout);
        _scale = Declare("--scale", "Weight of the references beside the prompt while training.", Defaults.AdapterScale);
        _size = Declare<int?>("--size", "Side in pixels that images are trained at; default: the model's, at most 512.");
        _seed = Declare("--seed", "Decides order, noise, timesteps and what is left out.", Defaults.Seed);
        _refuse = Declare<bool>("--refuse-long-prompts", "A prompt with more tokens than the text encoder takes is an error; else it is cut, with a warning.");
        _store.AddTo(this);
        _prepareOnly = Declare<bool>("--prepare-only", "Encode the pairs into the store, and do not train; any number of processes may do so at the "
            + "same time.");
        _log = Declare<string?>("--log", "Folder for the training's course: training.jsonl, a line a step, and TensorBoard's files, and the probes' scores and "
            + "pictures; default: none.");
        _probe.AddTo(this);
        _report.AddTo(this);
        _state.AddTo(this);
        _compute.AddTo(this);
        _ranks.AddTo(this);
    }

    public override bool RunsOnRanks => true;

    protected override string StoppedMessage => _continues ? "Stopped. Run the same command to continue." : base.StoppedMessage;

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        string model = arguments.GetValue(_model)!;
        bool isPreparation = arguments.GetValue(_prepareOnly);
        if (isPreparation && _store.Read(arguments) is null)
            throw new InputException("--prepare-only needs a --store that the pairs are encoded into.");
        if (!isPreparation && arguments.GetValue(_output) is null)
            throw new InputException("Option '--output' is required.");
        ReportFile? page = _report.Read(arguments);
        if (page is not null && (isPreparation || arguments.GetValue(_log) is null))
            throw new InputException("--report shows a training's course; it needs --log, and a training.");
        _continues = isPreparation || _state.Read(arguments) is not null;
        PersonalizedModelOptions loading = _generator.Read(arguments, generates: false) with
        {
            Device = _compute.Device(arguments),
            DType = _compute.DType(arguments),
        };
        bool isSmall = model == ModelPath.Embedded;
        using EvaluationModels? models = isPreparation ? null : _probe.OpenModels(arguments, isSmall, loading.Device);
        var training = new AdapterTraining(() => PersonalizedModel.Load(ModelPath.Generator(model), loading),
            // Ranks that prepare a store work beside one another, not together.
            Choices(arguments, isSmall, _probe.Read(arguments, models), isPreparation ? null : _ranks.Join(arguments)));
        (string pairs, bool verify) = (arguments.GetValue(_pairs)!.FullName, arguments.GetValue(_verify));
        if (isPreparation)
            training.Prepare(pairs, verify, cancellationToken);
        else
            training.Run(pairs, verify, arguments.GetValue(_output)!.FullName, cancellationToken);
        if (RankGroup.IsFirst)
            page?.Write($"Training of {Path.GetFileName(Path.TrimEndingDirectorySeparator(model))}", [],
                html => html.AddTraining(arguments.GetValue(_log)!, models?.Identities));
        return Ending.Done;
    }

    private Func<IProgress<TrainingProgress>, PatchDpoTrainerOptions> Choices(ParseResult arguments, bool isSmall, TrainingProbeOptions? probe,
        IProcessGroup? processes)
    {
        (int steps, int batch, double rate, WeightMapOptions weights) = isSmall
            ? EmbeddedTraining.Choices
            : (Defaults.MaxSteps, Defaults.BatchSize, Defaults.LearningRate, Defaults.Weights);
        return progress => new PatchDpoTrainerOptions
        {
            Objective = TrainingObjectives.Parse(arguments.GetValue(_objective)!),
            DiffusionDpoBeta = arguments.GetValue(_beta),
            TrainedSet = Sets.Parse(arguments.GetValue(_trained)!),
            MaxSteps = arguments.GetValue(_steps) ?? steps,
            BatchSize = arguments.GetValue(_batch) ?? batch,
            LearningRate = arguments.GetValue(_learningRate) ?? rate,
            LearningRateSchedule = new LearningRateSchedule
            {
                Decay = Decays.Parse(arguments.GetValue(_schedule)!),
                WarmupSteps = arguments.GetValue(_warmup),
            },
            GradientAccumulation = arguments.GetValue(_accumulation),
            MaxGradientNorm = arguments.GetValue(_maxNorm),
            SpikeFactor = arguments.GetValue(_spikeFactor),
            EmaDecay = arguments.GetValue(_ema),
            WeightDecay = arguments.GetValue(_weightDecay),
            Weights = new WeightMapOptions
            {
                Kind = arguments.GetValue(_weights) is string kind ? Kinds.Parse(kind) : weights.Kind,
                Contrast = arguments.GetValue(_contrast) ?? weights.Contrast,
                LowPercentile = arguments.GetValue(_low),
                HighPercentile = arguments.GetValue(_high),
            },
            MinSnrGamma = arguments.GetValue(_minSnr),
            NoiseOffset = arguments.GetValue(_noiseOffset),
            GradientCheckpointing = arguments.GetValue(_gradientCheckpointing),
            TextDropout = arguments.GetValue(_textDropout),
            ImageDropout = arguments.GetValue(_imageDropout),
            BothDropout = arguments.GetValue(_bothDropout),
            AdapterScale = arguments.GetValue(_scale),
            Size = arguments.GetValue(_size),
            Seed = arguments.GetValue(_seed),
            RefuseTruncatedPrompts = arguments.GetValue(_refuse),
            Store = _store.Read(arguments),
            LogFolder = arguments.GetValue(_log),
            State = _state.Read(arguments),
            Probe = probe,
            Processes = processes,
            Progress = progress,
        };
    }
}
