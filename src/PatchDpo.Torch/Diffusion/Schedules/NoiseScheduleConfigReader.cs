using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Diffusion;

/// <summary>Reads a <c>scheduler_config.json</c> of diffusers, refusing what the samplers do not do.</summary>
internal static class NoiseScheduleConfigReader
{
    public static NoiseScheduleConfig Read(ModelConfig json, SamplerKind? chosen)
    {
        ArgumentNullException.ThrowIfNull(json);
        SamplerKind? own = SamplerKinds.OfClass(json.GetString("_class_name", "")), sampler = chosen ?? Own(json);
        bool isOwn = !json.Has("_class_name") || own == sampler;
        if (chosen is null && json.GetString("algorithm_type", "dpmsolver++") is not "dpmsolver++")
            throw json.Fault("algorithm_type", $"only 'dpmsolver++' is supported; {SamplerKinds.Choose}.");
        // What describes another class's method says nothing of the chosen one.
        int order = isOwn ? json.GetInt32("solver_order", 2) : 2;
        if (order is not (1 or 2))
            throw json.Fault("solver_order", $"{order} is not supported; 1 and 2 are.");
        return ReadForward(json) with
        {
            Sampler = sampler,
            TimestepSpacing = !json.Has("timestep_spacing") ? null : json.GetChoice<TimestepSpacing>("timestep_spacing", null,
                ("leading", TimestepSpacing.Leading), ("linspace", TimestepSpacing.Linspace), ("trailing", TimestepSpacing.Trailing)),
            StepsOffset = json.GetInt32("steps_offset", 0),
            ClipSample = json.GetBoolean("clip_sample", true),
            ClipSampleRange = json.GetDouble("clip_sample_range", 1),
            Thresholding = json.GetBoolean("thresholding", false),
            DynamicThresholdingRatio = json.GetDouble("dynamic_thresholding_ratio", 0.995),
            SampleMaxValue = json.GetDouble("sample_max_value", 1),
            SetAlphaToOne = json.GetBoolean("set_alpha_to_one", sampler != SamplerKind.Plms),
            UseKarrasSigmas = json.GetBoolean("use_karras_sigmas", false),
            UseLuLambdas = json.GetBoolean("use_lu_lambdas", false),
            LogLinearInterpolation = json.GetChoice("interpolation_type", "linear", ("linear", false), ("log_linear", true)),
            SolverOrder = order,
            HeunSolver = isOwn && json.GetChoice("solver_type", "midpoint", ("midpoint", false), ("heun", true)),
            LowerOrderFinal = json.GetBoolean("lower_order_final", true),
            EulerAtFinal = json.GetBoolean("euler_at_final", false),
            EndsAtZeroSigma = json.GetChoice("final_sigmas_type", "sigma_min", ("sigma_min", false), ("zero", true)),
            LambdaMinClipped = json.GetDouble("lambda_min_clipped", double.NegativeInfinity),
        };
    }

    public static NoiseScheduleConfig ReadForTraining(ModelConfig json)
    {
        NoiseScheduleConfig forward = ReadForward(json);
        try
        {
            return Read(json, null) with { RescaleBetasZeroSnr = forward.RescaleBetasZeroSnr };
        }
        catch (ModelConfigException)
        {
            // Thrown again by whoever asks for the file's own sampler, which reads the file again.
            return forward;
        }
    }

    private static NoiseScheduleConfig ReadForward(ModelConfig json)
    {
        int timesteps = json.GetInt32("num_train_timesteps", 1000);
        if (timesteps < 2)
            throw json.Fault("num_train_timesteps", $"a schedule has at least 2 timesteps, not {timesteps}.");
        double[]? trained = json.Has("trained_betas") ? json.GetDoubleArray("trained_betas") : null;
        if (trained is not null && trained.Length != timesteps)
            throw json.Fault("trained_betas", $"{trained.Length} betas are given for {timesteps} timesteps.");
        return new NoiseScheduleConfig
        {
            Json = json,
            TrainTimesteps = timesteps,
            BetaStart = Beta(json, "beta_start", 0.0001),
            BetaEnd = Beta(json, "beta_end", 0.02),
            BetaSchedule = json.GetChoice("beta_schedule", "linear", ("linear", BetaSchedule.Linear), ("scaled_linear", BetaSchedule.ScaledLinear),
                ("squaredcos_cap_v2", BetaSchedule.SquaredCosCapV2), ("sigmoid", BetaSchedule.Sigmoid)),
            TrainedBetas = trained,
            RescaleBetasZeroSnr = json.GetBoolean("rescale_betas_zero_snr", false),
            PredictionType = json.GetChoice("prediction_type", "epsilon", ("epsilon", PredictionType.Epsilon), ("v_prediction", PredictionType.Velocity), ("sample", PredictionType.Sample)),
        };
    }

    /// <summary>The sampler that the file names; null where it names none.</summary>
    private static SamplerKind? Own(ModelConfig json)
    {
        if (!json.Has("_class_name"))
            return null;
        string name = json.GetString("_class_name");
        SamplerKind kind = SamplerKinds.OfClass(name) ?? throw json.Fault("_class_name", $"this library has no {name}; {SamplerKinds.Choose}.");
        if (kind == SamplerKind.Plms && !json.GetBoolean("skip_prk_steps", false))
            throw json.Fault("skip_prk_steps", $"PNDM's Runge-Kutta steps, which false stands for, are not supported; {SamplerKinds.Choose}.");
        return kind;
    }

    private static double Beta(ModelConfig json, string field, double missing)
        => json.GetDouble(field, missing) is > 0 and < 1 and var beta ? beta : throw json.Fault(field, "a beta lies between 0 and 1.");
}
