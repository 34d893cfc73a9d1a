using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Diffusion;

/// <summary>The fields of a <c>scheduler_config.json</c> that a noise schedule and the samplers use. Defaults are diffusers' own.</summary>
public sealed class NoiseScheduleConfig
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

    /// <summary>The sampler that the file names (<c>_class_name</c>); null where it names another one or none.</summary>
    public SamplerKind? Sampler { get; init; }

    /// <summary>Which timesteps a sampler visits (<c>timestep_spacing</c>); null takes the sampler's own: leading for DDIM and PLMS, linspace for the others.</summary>
    public TimestepSpacing? TimestepSpacing { get; init; }

    /// <summary>Added to the timesteps of leading spacing (<c>steps_offset</c>).</summary>
    public int StepsOffset { get; init; }

    /// <summary>Clamps predicted latents to plus or minus <see cref="ClipSampleRange"/> (<c>clip_sample</c>; DDIM). diffusers' default for DDIM is true.</summary>
    public bool ClipSample { get; init; } = true;

    /// <summary>See <see cref="ClipSample"/> (<c>clip_sample_range</c>).</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>Dynamic thresholding of predicted latents (<c>thresholding</c>; DDIM and DPM-Solver++).</summary>
    public bool Thresholding { get; init; }

    /// <summary>The quantile of dynamic thresholding (<c>dynamic_thresholding_ratio</c>), in (0, 1].</summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>The largest dynamic threshold (<c>sample_max_value</c>).</summary>
    public double SampleMaxValue { get; init; } = 1;

    /// <summary>The last step of DDIM and PLMS ends at signal level 1, not at that of timestep 0 (<c>set_alpha_to_one</c>; PNDM's own default is false).</summary>
    public bool SetAlphaToOne { get; init; } = true;

    /// <summary>Spaces the noise levels as Karras et al. do, rho 7 (<c>use_karras_sigmas</c>; Euler and DPM-Solver++).</summary>
    public bool UseKarrasSigmas { get; init; }

    /// <summary>Spaces the logarithms of the noise levels equally (<c>use_lu_lambdas</c>; DPM-Solver++).</summary>
    public bool UseLuLambdas { get; init; }

    /// <summary>Interpolates Euler's noise levels in their logarithm (<c>interpolation_type</c> = <c>log_linear</c>).</summary>
    public bool LogLinearInterpolation { get; init; }

    /// <summary>Order of DPM-Solver++, 1 or 2 (<c>solver_order</c>).</summary>
    public int SolverOrder
    {
        get;
        init => field = value is 1 or 2 ? value : throw new ArgumentOutOfRangeException(nameof(SolverOrder), value, "The order of DPM-Solver++ is 1 or 2 here.");
    } = 2;

    /// <summary>DPM-Solver++'s second-order term after Heun, not at the midpoint (<c>solver_type</c> = <c>heun</c>).</summary>
    public bool HeunSolver { get; init; }

    /// <summary>DPM-Solver++ ends with a first-order step in runs of less than 15 steps (<c>lower_order_final</c>).</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>DPM-Solver++ always ends with a first-order step (<c>euler_at_final</c>).</summary>
    public bool EulerAtFinal { get; init; }

    /// <summary>DPM-Solver++ ends without any noise, in a first-order step, not at the level of timestep 0 (<c>final_sigmas_type</c> = <c>zero</c>, which newer diffusers write).</summary>
    public bool EndsAtZeroSigma { get; init; }

    /// <summary>DPM-Solver++ leaves out timesteps whose log signal-to-noise ratio lies below this (<c>lambda_min_clipped</c>).</summary>
    public double LambdaMinClipped { get; init; } = double.NegativeInfinity;

    /// <summary>Reads the fields of a <c>scheduler_config.json</c>; unknown fields are ignored.</summary>
    /// <param name="json">The file's object.</param>
    /// <exception cref="ModelConfigException">A field has a value that this library does not know; the message names file and field.</exception>
    public static NoiseScheduleConfig FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        if (json.GetString("algorithm_type", "dpmsolver++") is not "dpmsolver++")
            throw new ModelConfigException(json.Source, "algorithm_type", "only \"dpmsolver++\" is supported.");
        int order = json.GetInt32("solver_order", 2);
        if (order is not (1 or 2))
            throw new ModelConfigException(json.Source, "solver_order", $"{order} is not supported; 1 and 2 are.");
        SamplerKind? sampler = SamplerOf(json.GetString("_class_name", ""));
        bool isPlms = sampler == SamplerKind.Plms;
        int timesteps = json.GetInt32("num_train_timesteps", 1000);
        if (timesteps < 2)
            throw json.Fault("num_train_timesteps", $"a schedule has at least 2 timesteps, not {timesteps}.");
        double[]? trained = json.Has("trained_betas") ? json.GetDoubleArray("trained_betas") : null;
        if (trained is not null && trained.Length != timesteps)
            throw json.Fault("trained_betas", $"{trained.Length} betas are given for {timesteps} timesteps.");
        return new NoiseScheduleConfig
        {
            TrainTimesteps = timesteps,
            BetaStart = ReadBeta(json, "beta_start", 0.0001),
            BetaEnd = ReadBeta(json, "beta_end", 0.02),
            BetaSchedule = Choose(json, "beta_schedule", "linear", ("linear", BetaSchedule.Linear), ("scaled_linear", BetaSchedule.ScaledLinear),
                ("squaredcos_cap_v2", BetaSchedule.SquaredCosCapV2), ("sigmoid", BetaSchedule.Sigmoid)),
            TrainedBetas = trained,
            RescaleBetasZeroSnr = json.GetBoolean("rescale_betas_zero_snr", false),
            PredictionType = Choose(json, "prediction_type", "epsilon", ("epsilon", PredictionType.Epsilon), ("v_prediction", PredictionType.Velocity), ("sample", PredictionType.Sample)),
            // PNDM's Runge-Kutta steps, which diffusers takes unless told otherwise, are not there.
            Sampler = isPlms && !json.GetBoolean("skip_prk_steps", false) ? null : sampler,
            TimestepSpacing = !json.Has("timestep_spacing") ? null : Choose<TimestepSpacing>(json, "timestep_spacing", "leading",
                ("leading", Diffusion.TimestepSpacing.Leading), ("linspace", Diffusion.TimestepSpacing.Linspace), ("trailing", Diffusion.TimestepSpacing.Trailing)),
            StepsOffset = json.GetInt32("steps_offset", 0),
            ClipSample = json.GetBoolean("clip_sample", true),
            ClipSampleRange = json.GetDouble("clip_sample_range", 1),
            Thresholding = json.GetBoolean("thresholding", false),
            DynamicThresholdingRatio = json.GetDouble("dynamic_thresholding_ratio", 0.995),
            SampleMaxValue = json.GetDouble("sample_max_value", 1),
            SetAlphaToOne = json.GetBoolean("set_alpha_to_one", !isPlms),
            UseKarrasSigmas = json.GetBoolean("use_karras_sigmas", false),
            UseLuLambdas = json.GetBoolean("use_lu_lambdas", false),
            LogLinearInterpolation = Choose(json, "interpolation_type", "linear", ("linear", false), ("log_linear", true)),
            SolverOrder = order,
            HeunSolver = Choose(json, "solver_type", "midpoint", ("midpoint", false), ("heun", true)),
            LowerOrderFinal = json.GetBoolean("lower_order_final", true),
            EulerAtFinal = json.GetBoolean("euler_at_final", false),
            EndsAtZeroSigma = Choose(json, "final_sigmas_type", "sigma_min", ("sigma_min", false), ("zero", true)),
            LambdaMinClipped = json.GetDouble("lambda_min_clipped", double.NegativeInfinity),
        };
    }

    /// <summary>The sampler that a diffusers class name stands for, or null.</summary>
    /// <param name="className">Such as <c>EulerDiscreteScheduler</c>.</param>
    public static SamplerKind? SamplerOf(string className) => className switch
    {
        "DDIMScheduler" => SamplerKind.Ddim,
        "EulerDiscreteScheduler" => SamplerKind.Euler,
        "DPMSolverMultistepScheduler" => SamplerKind.DpmSolverPlusPlus2M,
        "PNDMScheduler" => SamplerKind.Plms,
        _ => null,
    };

    private static double ReadBeta(ModelConfig json, string field, double missing)
        => json.GetDouble(field, missing) is > 0 and < 1 and var beta ? beta : throw json.Fault(field, "a beta lies between 0 and 1.");

    private static T Choose<T>(ModelConfig json, string field, string missing, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        string name = json.GetString(field, missing);
        List<string> names = [];
        foreach ((string choice, T value) in choices)
        {
            if (choice == name)
                return value;
            names.Add(choice);
        }
        throw new ModelConfigException(json.Source, field, $"\"{name}\" is not one of {string.Join(", ", names)}.");
    }

    private static double Beta(double value, string name)
        => value is > 0 and < 1 ? value : throw new ArgumentOutOfRangeException(name, value, "A beta lies between 0 and 1.");
}
