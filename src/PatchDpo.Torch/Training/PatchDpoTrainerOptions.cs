using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using PatchDpo.Torch.Training.Parallel;
using PatchDpo.Torch.Training.Probes;

namespace PatchDpo.Torch.Training;

/// <summary>How PatchDPO trains. Defaults are the official script's unless a property says otherwise.</summary>
public sealed record PatchDpoTrainerOptions
{
    /// <summary>What is minimised. Default: PatchDPO; the others are baselines to compare it with.</summary>
    public TrainingObjective Objective { get; init => field = ArgumentRange.Member(value); }

    /// <summary>
    /// Diffusion-DPO's beta, 1e-37 to 1e37: how strongly the model is held to what it was; other objectives have none. Default 5,000 (Diffusion-DPO's
    /// for SDXL, with an image's mean squared error).
    /// </summary>
    public double DiffusionDpoBeta { get; init => field = ArgumentRange.Positive(value); } = 5_000;

    /// <summary>Which parts of the adapter are trained. Default: the keys and values, as the official script.</summary>
    public TrainedSet TrainedSet { get; init => field = ArgumentRange.Member(value); }

    /// <summary>Optimizer steps, at least 1. Default 30,000 (the official run: on 8 GPUs with 4 pairs each).</summary>
    public int MaxSteps { get; init => field = ArgumentRange.Within(value, 1); } = 30_000;

    /// <summary>Pairs in a step, at least 1; where there are fewer pairs, all of them. Default 4.</summary>
    public int BatchSize { get; init => field = ArgumentRange.Within(value, 1); } = 4;

    /// <summary>AdamW's highest learning rate, 1e-37 to 1e37. Default 3e-5.</summary>
    public double LearningRate { get; init => field = ArgumentRange.Positive(value); } = 3e-5;

    /// <summary>
    /// The share of <see cref="LearningRate"/> that each step has. Default: all of it, without warm-up, as in the official script (diffusers'
    /// <c>constant</c>).
    /// </summary>
    public LearningRateSchedule LearningRateSchedule { get; init => field = value ?? throw new ArgumentNullException(nameof(LearningRateSchedule)); } = new();

    /// <summary>
    /// Batches of <see cref="BatchSize"/> pairs whose gradients' mean a step takes, 1 to 65,536. Default 1: none is accumulated (diffusers'
    /// <c>gradient_accumulation_steps</c>). Two batches of 4 give the step of one batch of 8 in less memory.
    /// </summary>
    public int GradientAccumulation { get; init => field = ArgumentRange.Within(value, 1, 65_536); } = 1;

    /// <summary>
    /// The norm of all gradients together that a step takes at most, 1e-37 to 1e37; null (default): any, as the official script. diffusers' scripts
    /// have 1 (<c>max_grad_norm</c>).
    /// </summary>
    public double? MaxGradientNorm { get; init => field = value is double v ? ArgumentRange.Positive(v) : null; }

    /// <summary>
    /// How many times as long as their mean over about the last 50 steps the gradients of a step may be, 1 to 1e37; a step with longer ones leaves the
    /// layers as they are (<see cref="TrainingProgress.IsSpike"/>). Null (default): any, as the official script. The first 20 steps pass.
    /// </summary>
    public double? SpikeFactor { get; init => field = value is double v ? ArgumentRange.Within(v, 1, ArgumentRange.Largest) : null; }

    /// <summary>
    /// Decay of a moving average of the layers, in [0, 1), which is then what the training gives; null (default): there is none, as in the official
    /// script, and the last step's layers are given. diffusers' <c>EMAModel</c> has 0.9999, and less in the first steps, as here.
    /// </summary>
    public double? EmaDecay { get; init => field = value is double v ? ArgumentRange.Decay(v) : null; }

    /// <summary>AdamW's weight decay, 0 to 1e37. Default 0.01.</summary>
    public double WeightDecay { get; init => field = ArgumentRange.NotNegative(value); } = 0.01;

    /// <summary>AdamW's decay of the gradient's mean, in [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init => field = ArgumentRange.Decay(value); } = 0.9;

    /// <summary>AdamW's decay of the squared gradient's mean, in [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init => field = ArgumentRange.Decay(value); } = 0.999;

    /// <summary>AdamW's epsilon, 1e-37 to 1e37. Default 1e-8.</summary>
    public double Epsilon { get; init => field = ArgumentRange.Positive(value); } = 1e-8;

    /// <summary>Share of pairs whose prompt is left empty, in [0, 1]. Default 0.05.</summary>
    public double TextDropout { get; init => field = ArgumentRange.Share(value); } = 0.05;

    /// <summary>Share of pairs whose image prompt is that of zero pixels, in [0, 1]. Default 0.05.</summary>
    public double ImageDropout { get; init => field = ArgumentRange.Share(value); } = 0.05;

    /// <summary>Share of pairs that lose both, in [0, 1]. Default 0.05.</summary>
    public double BothDropout { get; init => field = ArgumentRange.Share(value); } = 0.05;

    /// <summary>
    /// Seed of the order of pairs, noise, timesteps and dropping, any number, all drawn on the CPU and the same on every machine. Default 42.
    /// </summary>
    /// <remarks>
    /// Each draw is a function of seed, step and row, whatever was drawn before.
    /// The same seed, pairs and options give weights of equal bits on the same machine, with the CPU and the same number of threads. Another number of
    /// threads or another processor rounds otherwise, and the differences grow from step to step; on CUDA some of libtorch's sums have no
    /// fixed order, so that two runs may differ.
    /// </remarks>
    public long Seed { get; init; } = 42;

    /// <summary>
    /// Side that images are trained at, in pixels, at most 16,384, a multiple of the model's latent scale; null (default) takes the model's, at most
    /// 512 (the official size).
    /// </summary>
    public int? Size { get; init => field = value is int v ? ArgumentRange.Within(v, 1, 16_384) : null; }

    /// <summary>Weight of the image prompt while training, 0 to 65,504. Default 1.</summary>
    public double AdapterScale { get; init => field = ArgumentRange.NotNegative(value, ArgumentRange.LargestScale); } = 1;

    /// <summary>How patch quality becomes loss weight. Default: unchanged, clamped to [0, 1] (ours; the paper does not say).</summary>
    public WeightMapOptions Weights { get; init => field = value ?? throw new ArgumentNullException(nameof(Weights)); } = new();

    /// <summary>Cut of min-SNR weighting of timesteps, 1e-37 to 1e37; null (default, as the official script) weights all alike.</summary>
    public double? MinSnrGamma { get; init => field = value is double v ? ArgumentRange.Positive(v) : null; }

    /// <summary>Feeds SDXL's sizes in the scrambled rows of the official script, to repeat its runs. Default false: rows as SDXL was trained with.</summary>
    public bool OfficialTimeIds { get; init; }

    /// <summary>The longest prompt that is accepted, in characters. Default 2,000 (not in the paper).</summary>
    public int MaxPromptCharacters { get; init => field = ArgumentRange.Within(value, 1); } = GenerationOptions.DefaultMaxPromptCharacters;

    /// <summary>
    /// Whether a prompt that has more tokens than the text encoder takes is an error (<see cref="TruncatedPromptException"/>) before anything is
    /// trained. Default false: it is cut, and told by <see cref="TrainingProgress.TruncatedPrompts"/>.
    /// </summary>
    public bool RefuseTruncatedPrompts { get; init; }

    /// <summary>
    /// Whether the network's blocks keep their inputs alone for the backward pass and are computed once more there: less memory, more time, equal gradients
    /// (diffusers' <c>gradient_checkpointing</c>). Default false, as in the official script.
    /// </summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>
    /// Standard deviation of noise that is added to all of a latent channel alike, 0 to 1e37; with some, a model learns brightness better. Default 0: none,
    /// as in the official script. diffusers' <c>noise_offset</c>, for which its authors recommend 0.1.
    /// </summary>
    public double NoiseOffset { get; init => field = ArgumentRange.NotNegative(value); }

    /// <summary>
    /// Where what is encoded of the pairs is kept on the disk; null (default): in memory, for this training alone. With a store, memory does not grow with
    /// the number of pairs, and what is there is not encoded again.
    /// </summary>
    public ConditionStoreOptions? Store { get; init; }

    /// <summary>
    /// A folder for the training's course: <c>training.jsonl</c> with a line for each step, and a TensorBoard event file; with a <see cref="Probe"/> also
    /// <c>probes.jsonl</c> and a picture grid for each, <c>probe-00000500.png</c> and so on. Null (default): none.
    /// </summary>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public string? LogFolder
    {
        get;
        init => field = value is not "" ? value : throw new ArgumentException("The folder's name is empty.", nameof(LogFolder));
    }

    /// <summary>
    /// Where the training keeps its state: with the same folder, options, pairs and model it goes on from its last checkpoint after it was cancelled or
    /// killed. Null (default): nowhere, and it begins anew.
    /// </summary>
    /// <remarks>
    /// On the CPU, with the same number of threads, the layers are those of a training that was never interrupted, to the last bit. Another
    /// <see cref="MaxSteps"/> is allowed; with a decay of the learning rate, further steps then have the rates of the new length.
    /// </remarks>
    public TrainingStateOptions? State { get; init; }

    /// <summary>
    /// What is drawn and measured before the first step, every so many steps and at the end; null (default): nothing. With <see cref="State"/>, the best step's
    /// checkpoint is kept in <c>best-00000500</c> and so on, and <c>adapter.safetensors</c> in it is what the training would have given.
    /// </summary>
    /// <remarks>It needs the model's encoders: <see cref="PersonalizedModel.ReleaseEncoders"/> must not be called before.</remarks>
    public TrainingProbeOptions? Probe { get; init; }

    /// <summary>
    /// The processes that train together; null (default): this one alone. N of them with batches of <see cref="BatchSize"/> take the steps of one whose
    /// batches are N times as large, but for rounding.
    /// </summary>
    /// <remarks>
    /// Each process takes its share of every batch, gradients are summed before each update, and all get the same layers. The first one alone keeps the
    /// <see cref="State"/>, writes the <see cref="LogFolder"/> and draws the <see cref="Probe"/>; another number of processes goes on from a state when
    /// a step has as many pairs. A <see cref="Store"/> that all reach saves each process encoding every pair.
    /// </remarks>
    public IProcessGroup? Processes { get; init; }

    /// <summary>Called after each step; null (default) for none.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>Whether the layers in the network are trained.</summary>
    internal bool TrainsLayers => TrainedSet != TrainedSet.ImageProjection;

    /// <summary>Whether the image projection is.</summary>
    internal bool TrainsProjection => TrainedSet != TrainedSet.KeysAndValues;

    /// <summary>Checks what no single property can.</summary>
    /// <exception cref="ArgumentException">
    /// More than all pairs would be dropped, steps do not fit float32, min-SNR weighting is asked for where there is none, or the probe's evaluator does not
    /// measure what decides.
    /// </exception>
    internal void Validate()
    {
        if (TextDropout + ImageDropout + BothDropout > 1)
            throw new ArgumentException($"{nameof(TextDropout)}, {nameof(ImageDropout)} and {nameof(BothDropout)} sum to "
                + $"{TextDropout + ImageDropout + BothDropout}, more than 1.");
        ArgumentRange.CheckAdamW(LearningRate, WeightDecay, Beta1);
        if (MinSnrGamma is not null && !TrainingObjectives.WeighsErrors(Objective))
            throw new ArgumentException($"{nameof(MinSnrGamma)} weights squared errors; {Objective} has no such weights.");
        Probe?.Validate();
    }
}
