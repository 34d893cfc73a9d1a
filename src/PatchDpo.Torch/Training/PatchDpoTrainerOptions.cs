using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.Training;

/// <summary>How PatchDPO trains. Defaults are the official script's unless a property says otherwise.</summary>
public sealed class PatchDpoTrainerOptions
{
    /// <summary>What is minimised. Default: PatchDPO; the others are baselines to compare it with.</summary>
    public TrainingObjective Objective { get; init => field = Enum.IsDefined(value) ? value : throw OutOfRange(value, nameof(Objective), "is a member of TrainingObjective"); }

    /// <summary>Diffusion-DPO's beta, more than 0: how strongly the model is held to what it was; other objectives have none. Default 5,000 (Diffusion-DPO's for SDXL, with an image's mean squared error).</summary>
    public double DiffusionDpoBeta { get; init => field = value > 0 && double.IsFinite(value) ? value : throw OutOfRange(value, nameof(DiffusionDpoBeta), "is a finite number above 0"); } = 5_000;

    /// <summary>Optimizer steps, at least 1. Default 30,000 (the official run: on 8 GPUs with 4 pairs each).</summary>
    public int MaxSteps { get; init => field = AtLeastOne(value, nameof(MaxSteps)); } = 30_000;

    /// <summary>Pairs in a step, at least 1; where there are fewer pairs, all of them. Default 4.</summary>
    public int BatchSize { get; init => field = AtLeastOne(value, nameof(BatchSize)); } = 4;

    /// <summary>AdamW's learning rate, constant, more than 0. Default 3e-5.</summary>
    public double LearningRate { get; init => field = value > 0 && double.IsFinite(value) ? value : throw OutOfRange(value, nameof(LearningRate), "is a finite number above 0"); } = 3e-5;

    /// <summary>AdamW's weight decay, at least 0. Default 0.01.</summary>
    public double WeightDecay { get; init => field = value >= 0 && double.IsFinite(value) ? value : throw OutOfRange(value, nameof(WeightDecay), "is a finite number of at least 0"); } = 0.01;

    /// <summary>AdamW's decay of the gradient's mean, in [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init => field = value is >= 0 and < 1 ? value : throw OutOfRange(value, nameof(Beta1), "lies in [0, 1)"); } = 0.9;

    /// <summary>AdamW's decay of the squared gradient's mean, in [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init => field = value is >= 0 and < 1 ? value : throw OutOfRange(value, nameof(Beta2), "lies in [0, 1)"); } = 0.999;

    /// <summary>AdamW's epsilon, more than 0. Default 1e-8.</summary>
    public double Epsilon { get; init => field = value > 0 ? value : throw OutOfRange(value, nameof(Epsilon), "is above 0"); } = 1e-8;

    /// <summary>Share of pairs whose prompt is left empty, in [0, 1]. Default 0.05.</summary>
    public double TextDropout { get; init => field = Share(value, nameof(TextDropout)); } = 0.05;

    /// <summary>Share of pairs whose image prompt is that of zero pixels, in [0, 1]. Default 0.05.</summary>
    public double ImageDropout { get; init => field = Share(value, nameof(ImageDropout)); } = 0.05;

    /// <summary>Share of pairs that lose both, in [0, 1]. Default 0.05.</summary>
    public double BothDropout { get; init => field = Share(value, nameof(BothDropout)); } = 0.05;

    /// <summary>Seed of the order of pairs, noise, timesteps and dropping. The same seed on the same machine gives the same weights. Default 42.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Side that images are trained at, in pixels, a multiple of the model's latent scale; null (default) takes the model's, at most 512 (the official size).</summary>
    public int? Size { get; init => field = value is int v ? AtLeastOne(v, nameof(Size)) : null; }

    /// <summary>Weight of the image prompt while training, at least 0. Default 1.</summary>
    public double AdapterScale { get; init => field = value >= 0 && double.IsFinite(value) ? value : throw OutOfRange(value, nameof(AdapterScale), "is a finite number of at least 0"); } = 1;

    /// <summary>How patch quality becomes loss weight. Default: unchanged, clamped to [0, 1] (ours; the paper does not say).</summary>
    public WeightMapOptions Weights { get; init => field = value ?? throw new ArgumentNullException(nameof(Weights)); } = new();

    /// <summary>Cut of min-SNR weighting of timesteps, more than 0; null (default, as the official script) weights all alike.</summary>
    public double? MinSnrGamma { get; init => field = value is null or > 0 ? value : throw OutOfRange(value.Value, nameof(MinSnrGamma), "is above 0"); }

    /// <summary>Feeds SDXL's sizes in the scrambled rows of the official script, to repeat its runs. Default false: rows as SDXL was trained with.</summary>
    public bool OfficialTimeIds { get; init; }

    /// <summary>The longest prompt that is accepted, in characters. Default 2,000 (ours).</summary>
    public int MaxPromptCharacters { get; init => field = AtLeastOne(value, nameof(MaxPromptCharacters)); } = GenerationOptions.DefaultMaxPromptCharacters;

    /// <summary>Told after every step; null (default) for none.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Checks what no single property can.</summary>
    /// <exception cref="ArgumentException">More than all pairs would be dropped, or min-SNR weighting is asked for where there is none.</exception>
    internal void Validate()
    {
        if (TextDropout + ImageDropout + BothDropout > 1)
            throw new ArgumentException($"{nameof(TextDropout)}, {nameof(ImageDropout)} and {nameof(BothDropout)} sum to {TextDropout + ImageDropout + BothDropout}, more than 1.");
        if (MinSnrGamma is not null && Objective == TrainingObjective.DiffusionDpo)
            throw new ArgumentException($"{nameof(MinSnrGamma)} weights squared errors; {nameof(TrainingObjective.DiffusionDpo)} has no such weights.");
    }

    private static int AtLeastOne(int value, string name)
        => value >= 1 ? value : throw OutOfRange(value, name, "is at least 1");

    private static double Share(double value, string name)
        => value is >= 0 and <= 1 ? value : throw OutOfRange(value, name, "lies in [0, 1]");

    private static ArgumentOutOfRangeException OutOfRange(object value, string name, string rule) => new(name, value, $"{name} {rule}.");
}
