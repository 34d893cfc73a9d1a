using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Diffusion.Schedules;

/// <summary>Reads a <c>scheduler_config.json</c> of diffusers by the list of <see cref="SchedulerFields"/>, refusing what the samplers do not do.</summary>
internal sealed class NoiseScheduleConfigReader
{
    // A hundred times diffusers' own number; a schedule keeps several tables of this length.
    private const int MaxTimesteps = 100_000;

    // Fields that describe a class's own method, and say nothing of another one.
    private static readonly string[] MethodFields = ["solver_order", "solver_type", "predict_x0", "disable_corrector", "skip_prk_steps"];

    private static readonly string[] SigmaFlags = ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"];

    private readonly ModelConfig _json;
    private readonly SamplerKind? _sampler;
    private readonly SchedulerFields? _fields;
    private readonly bool _isOwn;

    private NoiseScheduleConfigReader(ModelConfig json, SamplerKind? sampler)
    {
        _json = json;
        _sampler = sampler;
        string? className = sampler is { } kind ? SamplerKinds.ClassOf(kind) : null;
        _fields = className is null ? null : SchedulerFields.Classes[className];
        _isOwn = className is null || !json.Has("_class_name") || json.GetString("_class_name") == className;
    }

    public static NoiseScheduleConfig Read(ModelConfig json, SamplerKind? chosen)
    {
        ArgumentNullException.ThrowIfNull(json);
        var reader = new NoiseScheduleConfigReader(json, chosen ?? Own(json));
        if (chosen is null || reader._isOwn)
            reader.RefuseUnknown();
        NoiseScheduleConfig config = reader.ReadSampler(reader.ReadForward());
        SamplerLimits.Check(config);
        return config;
    }

    public static NoiseScheduleConfig ReadForTraining(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        NoiseScheduleConfig forward = new NoiseScheduleConfigReader(json, null).ReadForward();
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

    private NoiseScheduleConfig ReadForward()
    {
        int timesteps = _json.GetInt32("num_train_timesteps", 1000);
        if (timesteps < 2)
            throw _json.Fault("num_train_timesteps", $"a schedule has at least 2 timesteps, not {timesteps}.");
        if (timesteps > MaxTimesteps)
            throw _json.Fault("num_train_timesteps", $"{timesteps} timesteps are more than the {MaxTimesteps} that are supported.");
        double[]? trained = _json.Has("trained_betas") ? _json.GetDoubleArray("trained_betas") : null;
        if (trained is not null && trained.Length != timesteps)
            throw _json.Fault("trained_betas", $"{trained.Length} betas are given for {timesteps} timesteps.");
        if (trained is not null && Array.FindIndex(trained, b => b is not (> 0 and <= 1)) is >= 0 and int bad)
            throw _json.Fault($"trained_betas[{bad}]", "a beta lies between 0 and 1.");
        // These two classes have Stable Diffusion's betas for their defaults, the others those of DDPM.
        bool isLikeStableDiffusion = _sampler is SamplerKind.Lcm or SamplerKind.Heun;
        return new NoiseScheduleConfig
        {
            Json = _json,
            Sampler = null,
            TrainTimesteps = timesteps,
            BetaStart = Beta("beta_start", isLikeStableDiffusion ? 0.00085 : 0.0001),
            BetaEnd = Beta("beta_end", isLikeStableDiffusion ? 0.012 : 0.02),
            BetaSchedule = _json.GetChoice("beta_schedule", _sampler == SamplerKind.Lcm ? "scaled_linear" : "linear", ("linear", BetaSchedule.Linear),
                ("scaled_linear", BetaSchedule.ScaledLinear), ("squaredcos_cap_v2", BetaSchedule.SquaredCosCapV2), ("sigmoid", BetaSchedule.Sigmoid)),
            TrainedBetas = trained,
            RescaleBetasZeroSnr = Flag("rescale_betas_zero_snr", false),
            PredictionType = _json.GetChoice(
                "prediction_type", "epsilon", ("epsilon", PredictionType.Epsilon), ("v_prediction", PredictionType.Velocity),
                ("sample", PredictionType.Sample)),
        };
    }

    private NoiseScheduleConfig ReadSampler(NoiseScheduleConfig forward)
    {
        if (SigmaFlags.Where(f => Flag(f, false)).Skip(1).FirstOrDefault() is string second)
            throw _json.Fault(second, $"only one of {string.Join(", ", SigmaFlags)} can be true.");
        if (!Flag("predict_x0", true))
            throw _json.Fault("predict_x0", "UniPC on the noise, which false stands for, is not supported.");
        double? minimum = Level("sigma_min"), maximum = Level("sigma_max");
        if (minimum >= maximum)
            throw _json.Fault("sigma_min", $"{minimum} is not below sigma_max, {maximum}.");
        return forward with
        {
            Sampler = _sampler,
            TimestepSpacing = !IsGiven("timestep_spacing") ? null
                : _json.GetChoice<TimestepSpacing>("timestep_spacing", null, ("leading", TimestepSpacing.Leading),
                ("linspace", TimestepSpacing.Linspace), ("trailing", TimestepSpacing.Trailing)),
            StepsOffset = Whole("steps_offset", 0, 0, forward.TrainTimesteps - 1),
            ClipSample = IsGiven("clip_sample") ? _json.GetBoolean("clip_sample") : null,
            ClipSampleRange = Positive("clip_sample_range", 1),
            Thresholding = Flag("thresholding", false),
            DynamicThresholdingRatio = Positive("dynamic_thresholding_ratio", 0.995) is <= 1 and var ratio ? ratio
                : throw _json.Fault("dynamic_thresholding_ratio", "a ratio is at most 1."),
            SampleMaxValue = Positive("sample_max_value", 1),
            SetAlphaToOne = Flag("set_alpha_to_one", _sampler != SamplerKind.Plms),
            UseKarrasSigmas = Flag("use_karras_sigmas", false),
            UseExponentialSigmas = Flag("use_exponential_sigmas", false),
            UseBetaSigmas = Flag("use_beta_sigmas", false),
            UseLuLambdas = Flag("use_lu_lambdas", false),
            SigmaMin = minimum,
            SigmaMax = maximum,
            ContinuousTimesteps = Choice("timestep_type", "discrete", ("discrete", false), ("continuous", true)),
            LogLinearInterpolation = Choice("interpolation_type", "linear", ("linear", false), ("log_linear", true)),
            SolverOrder = Whole("solver_order", 2, 1, 2),
            HeunSolver = SolverType() == "heun",
            Bh1Solver = SolverType() == "bh1",
            LowerOrderFinal = Flag("lower_order_final", true),
            EulerAtFinal = Flag("euler_at_final", false),
            EndsAtZeroSigma = !IsGiven("final_sigmas_type") ? null : _json.GetChoice("final_sigmas_type", null, ("sigma_min", false), ("zero", true)),
            LambdaMinClipped = Reads("lambda_min_clipped") ? _json.GetDouble("lambda_min_clipped", double.NegativeInfinity) : double.NegativeInfinity,
            UncorrectedSteps = IsGiven("disable_corrector") ? _json.GetInt32Array("disable_corrector") : [],
            OriginalInferenceSteps = Whole("original_inference_steps", 50, 1, forward.TrainTimesteps),
            TimestepScaling = Positive("timestep_scaling", 10),
        };
    }

    /// <summary>The method's variant; names of other classes' variants mean the class's own first choice, as in diffusers.</summary>
    private string SolverType() => _sampler switch
    {
        SamplerKind.UniPc => Choice("solver_type", "bh2", ("bh1", "bh1"), ("bh2", "bh2"), ("midpoint", "bh2"), ("heun", "bh2"), ("logrho", "bh2")),
        SamplerKind.Deis => Choice("solver_type", "logrho", ("logrho", "logrho"), ("midpoint", "logrho"), ("heun", "logrho"), ("bh1", "logrho"),
            ("bh2", "logrho")),
        _ => Choice("solver_type", "midpoint", ("midpoint", "midpoint"), ("heun", "heun"), ("logrho", "midpoint"), ("bh1", "midpoint"), ("bh2", "midpoint")),
    };

    /// <summary>The sampler that the file names; null where it names none.</summary>
    private static SamplerKind? Own(ModelConfig json)
    {
        if (!json.Has("_class_name"))
            return null;
        string name = json.GetString("_class_name");
        SamplerKind kind = SamplerKinds.OfClass(name) ?? throw json.Fault("_class_name", $"this library has no {name}; {SamplerKinds.Choose}.");
        if (kind == SamplerKind.Plms && !json.GetBoolean("skip_prk_steps", false))
            throw json.Fault("skip_prk_steps", $"PNDM's Runge-Kutta steps, which false stands for, are not supported; {SamplerKinds.Choose}.");
        string algorithm = SchedulerFields.Classes[name].Read.Contains("algorithm_type") ? json.GetString("algorithm_type", "") : "";
        return (kind, algorithm) switch
        {
            (SamplerKind.DpmSolverPlusPlus2M, "sde-dpmsolver++") => SamplerKind.DpmSolverPlusPlus2MSde,
            (SamplerKind.DpmSolverPlusPlus2M, not ("" or "dpmsolver++" or "deis")) => throw json.Fault(
                "algorithm_type", $"'{algorithm}' is not supported, only 'dpmsolver++' and 'sde-dpmsolver++'; {SamplerKinds.Choose}."),
            (SamplerKind.Deis, not ("" or "deis" or "dpmsolver" or "dpmsolver++")) => throw json.Fault(
                "algorithm_type", $"'{algorithm}' is not supported, only 'deis'; {SamplerKinds.Choose}."),
            _ => kind,
        };
    }

    private void RefuseUnknown()
    {
        if (_fields is null)
            return;
        foreach (string name in _json.Names.Where(n => !n.StartsWith('_') && _json.Has(n) && !_json.IsFalse(n)))
        {
            if (_fields.Refused.Contains(name))
                throw _json.Fault(name, $"anything but false or null is not supported for {SamplerKinds.ClassOf(_sampler!.Value)}; {SamplerKinds.Choose}.");
            if (!SchedulerFields.Known.Contains(name))
                throw _json.Fault(name, $"no scheduler that this library knows has this field; remove it where it has no effect, or {SamplerKinds.Choose}.");
        }
    }

    private bool Reads(string name) => (_fields is null || _fields.Read.Contains(name)) && (_isOwn || !MethodFields.Contains(name));

    private bool IsGiven(string name) => Reads(name) && _json.Has(name);

    private bool Flag(string name, bool missing) => Reads(name) ? _json.GetBoolean(name, missing) : missing;

    private int Whole(string name, int missing, int least, int most)
    {
        int value = Reads(name) ? _json.GetInt32(name, missing) : missing;
        return !Reads(name) || (value >= least && value <= most) ? value : throw _json.Fault(name, $"{value} is not supported, only {least} to {most}.");
    }

    private double Positive(string name, double missing) => Reads(name) ? _json.GetPositiveNumber(name, missing) : missing;

    private double? Level(string name) => IsGiven(name) ? _json.GetPositiveNumber(name) : null;

    private T Choice<T>(string name, string missing, params ReadOnlySpan<(string Word, T Value)> choices)
    {
        if (Reads(name))
            return _json.GetChoice(name, missing, choices);
        foreach ((string word, T value) in choices)
            if (word == missing)
                return value;
        throw new ArgumentException($"'{missing}' is none of the choices.", nameof(missing));
    }

    private double Beta(string name, double missing)
        => _json.GetDouble(name, missing) is > 0 and < 1 and var beta ? beta : throw _json.Fault(name, "a beta lies between 0 and 1.");
}
