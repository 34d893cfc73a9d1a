using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Diffusion.Schedules;

/// <summary>The fields of a <c>scheduler_config.json</c> that a noise schedule and the samplers use. Defaults are diffusers' own.</summary>
public sealed record NoiseScheduleConfig
{
    /// <summary>Number of training timesteps (<c>num_train_timesteps</c>), at least 2.</summary>
    public int TrainTimesteps
    {
        get;
        init => field = value >= 2 ? value : throw new ArgumentOutOfRangeException(nameof(TrainTimesteps), value, "A schedule has at least 2 timesteps.");
    } = 1000;

    /// <summary>The first beta (<c>beta_start</c>), in (0, 1).</summary>
    public double BetaStart { get; init => field = Beta(value, nameof(BetaStart)); } = 0.0001;

    /// <summary>The last beta (<c>beta_end</c>), in (0, 1).</summary>
    public double BetaEnd { get; init => field = Beta(value, nameof(BetaEnd)); } = 0.02;

    /// <summary>The shape between them (<c>beta_schedule</c>).</summary>
    public BetaSchedule BetaSchedule { get; init; } = BetaSchedule.Linear;

    /// <summary>The betas themselves (<c>trained_betas</c>), <see cref="TrainTimesteps"/> values, in place of a formula; null as a rule.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; init; }

    /// <summary>Rescales the betas so that the last timestep holds no signal at all (<c>rescale_betas_zero_snr</c>).</summary>
    public bool RescaleBetasZeroSnr { get; init; }

    /// <summary>What the network predicts (<c>prediction_type</c>).</summary>
    public PredictionType PredictionType { get; init; } = PredictionType.Epsilon;

    /// <summary>The sampler that was chosen, or that the file names (<c>_class_name</c>); null where there is neither.</summary>
    public SamplerKind? Sampler { get; init; }

    /// <summary>
    /// Which timesteps a sampler visits (<c>timestep_spacing</c>); null takes the sampler's own: leading for DDIM and PLMS, linspace for the others;
    /// LCM has its own.
    /// </summary>
    public TimestepSpacing? TimestepSpacing { get; init; }

    /// <summary>Added to the timesteps of leading spacing (<c>steps_offset</c>).</summary>
    public int StepsOffset { get; init; }

    /// <summary>
    /// Clamps predicted latents to plus or minus <see cref="ClipSampleRange"/> (<c>clip_sample</c>; DDIM, Heun and LCM); null takes the sampler's
    /// own: true for DDIM, false for the others.
    /// </summary>
    public bool? ClipSample { get; init; }

    /// <summary>See <see cref="ClipSample"/> (<c>clip_sample_range</c>).</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>Dynamic thresholding of predicted latents (<c>thresholding</c>; DDIM, LCM, DPM-Solver++, UniPC and DEIS).</summary>
    public bool Thresholding { get; init; }

    /// <summary>The quantile of dynamic thresholding (<c>dynamic_thresholding_ratio</c>), in (0, 1].</summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>The largest dynamic threshold (<c>sample_max_value</c>).</summary>
    public double SampleMaxValue { get; init; } = 1;

    /// <summary>
    /// The last step of DDIM and PLMS ends at signal level 1, not at that of timestep 0 (<c>set_alpha_to_one</c>; PNDM's own default is false).
    /// </summary>
    public bool SetAlphaToOne { get; init; } = true;

    /// <summary>Spaces the noise levels as Karras et al. do, rho 7 (<c>use_karras_sigmas</c>; Euler, Heun, DPM-Solver++, UniPC and DEIS).</summary>
    public bool UseKarrasSigmas { get; init; }

    /// <summary>Spaces the logarithms of the noise levels equally (<c>use_exponential_sigmas</c>; as <see cref="UseKarrasSigmas"/>).</summary>
    public bool UseExponentialSigmas { get; init; }

    /// <summary>
    /// Spaces the noise levels as the quantiles of a beta distribution, both parameters 0.6 (<c>use_beta_sigmas</c>; as
    /// <see cref="UseKarrasSigmas"/>).
    /// </summary>
    public bool UseBetaSigmas { get; init; }

    /// <summary>The lowest level of those three spacings (<c>sigma_min</c>; Euler and UniPC), greater than 0; null takes it from the timesteps.</summary>
    public double? SigmaMin { get; init; }

    /// <summary>Their highest level (<c>sigma_max</c>; Euler and UniPC), greater than <see cref="SigmaMin"/>; null takes it from the timesteps.</summary>
    public double? SigmaMax { get; init; }

    /// <summary>A network that predicts velocity is told log(sigma) / 4 in place of the timestep (<c>timestep_type</c> = <c>continuous</c>; Euler).</summary>
    public bool ContinuousTimesteps { get; init; }

    /// <summary>Spaces the logarithms of the noise levels equally (<c>use_lu_lambdas</c>; DPM-Solver++).</summary>
    public bool UseLuLambdas { get; init; }

    /// <summary>Interpolates Euler's noise levels in their logarithm (<c>interpolation_type</c> = <c>log_linear</c>).</summary>
    public bool LogLinearInterpolation { get; init; }

    /// <summary>Order of DPM-Solver++, UniPC and DEIS, 1 or 2 (<c>solver_order</c>).</summary>
    public int SolverOrder
    {
        get;
        init => field = value is 1 or 2 ? value : throw new ArgumentOutOfRangeException(nameof(SolverOrder), value, "The order of a solver is 1 or 2 here.");
    } = 2;

    /// <summary>DPM-Solver++'s second-order term after Heun, not at the midpoint (<c>solver_type</c> = <c>heun</c>).</summary>
    public bool HeunSolver { get; init; }

    /// <summary>UniPC's step function is the step itself, not its exponential less one (<c>solver_type</c> = <c>bh1</c>, not <c>bh2</c>).</summary>
    public bool Bh1Solver { get; init; }

    /// <summary>Steps, counted from 0, after which UniPC does not correct (<c>disable_corrector</c>).</summary>
    public IReadOnlyList<int> UncorrectedSteps { get; init; } = [];

    /// <summary>DPM-Solver++ and DEIS end with a first-order step in runs of less than 15 steps, UniPC always (<c>lower_order_final</c>).</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>DPM-Solver++ always ends with a first-order step (<c>euler_at_final</c>).</summary>
    public bool EulerAtFinal { get; init; }

    /// <summary>
    /// The last step ends without any noise, not at the level of timestep 0 (<c>final_sigmas_type</c> = <c>zero</c>); null takes the sampler's
    /// own: without noise for Euler, at timestep 0 for DPM-Solver++ and UniPC, whose files have the field where they mean something else.
    /// </summary>
    public bool? EndsAtZeroSigma { get; init; }

    /// <summary>DPM-Solver++ leaves out timesteps whose log signal-to-noise ratio lies below this (<c>lambda_min_clipped</c>).</summary>
    public double LambdaMinClipped { get; init; } = double.NegativeInfinity;

    /// <summary>
    /// Steps of the teacher that LCM was distilled from (<c>original_inference_steps</c>): its timesteps are taken from theirs, so a run has at most
    /// as many.
    /// </summary>
    public int OriginalInferenceSteps { get; init; } = 50;

    /// <summary>How fast LCM's output leaves its input as timesteps grow (<c>timestep_scaling</c>), greater than 0.</summary>
    public double TimestepScaling { get; init; } = 10;

    /// <summary>The object that the configuration was read from, so that it can be read again for another sampler; null for one made in code.</summary>
    internal ModelConfig? Json { get; init; }

    /// <summary>Reads the fields of a <c>scheduler_config.json</c> that a sampler uses; the others are not judged.</summary>
    /// <param name="json">The file's object.</param>
    /// <param name="sampler">The sampler, whatever class the file names; null takes the one that it names.</param>
    /// <exception cref="ModelConfigException">
    /// A field has a value that this library does not know, or no sampler is chosen and the file names a class that is none of ours; the
    /// message names file and field, and lists the samplers to choose from.
    /// </exception>
    public static NoiseScheduleConfig FromJson(ModelConfig json, SamplerKind? sampler = null) => NoiseScheduleConfigReader.Read(json, sampler);

    /// <summary>
    /// Reads the forward process for training, which needs no sampler: what keeps the file's own from sampling is told when one is asked for.
    /// </summary>
    /// <param name="json">The object of a <c>scheduler_config.json</c>.</param>
    /// <returns><see cref="Sampler"/> is null where the file names none that this library can take.</returns>
    /// <exception cref="ModelConfigException">A field of the forward process has a value that this library does not know.</exception>
    public static NoiseScheduleConfig ForTraining(ModelConfig json) => NoiseScheduleConfigReader.ReadForTraining(json);

    private static double Beta(double value, string name)
        => value is > 0 and < 1 ? value : throw new ArgumentOutOfRangeException(name, value, "A beta lies between 0 and 1.");
}
