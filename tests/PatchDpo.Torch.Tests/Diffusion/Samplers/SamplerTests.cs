using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.Samplers;

public class SamplerTests
{
    public static TheoryData<SamplerKind, TimestepSpacing, PredictionType, string> Everything()
    {
        var data = new TheoryData<SamplerKind, TimestepSpacing, PredictionType, string>();
        foreach (SamplerKind kind in Enum.GetValues<SamplerKind>())
            foreach (TimestepSpacing spacing in Enum.GetValues<TimestepSpacing>())
                foreach (PredictionType type in Enum.GetValues<PredictionType>())
                    foreach (string variant in new[] { "plain", "karras", "exponential", "beta", "lu", "loglinear", "heun", "bh1", "order1", "zerosnr",
                        "endzero" })
                        data.Add(kind, spacing, type, variant);
        return data;
    }

    /// <summary>A network that always knows the clean latents must be led to them, whatever the method.</summary>
    [Theory]
    [MemberData(nameof(Everything))]
    public void A_perfect_network_is_led_to_the_clean_latents(SamplerKind kind, TimestepSpacing spacing, PredictionType type, string variant)
    {
        using DisposeScope scope = NewDisposeScope();
        var config = new NoiseScheduleConfig
        {
            BetaSchedule = BetaSchedule.ScaledLinear,
            BetaStart = 0.00085,
            BetaEnd = 0.012,
            ClipSample = false,
            TimestepSpacing = spacing,
            StepsOffset = spacing == TimestepSpacing.Leading ? 1 : 0,
            PredictionType = type,
            UseKarrasSigmas = variant == "karras",
            UseExponentialSigmas = variant == "exponential",
            UseBetaSigmas = variant == "beta",
            UseLuLambdas = variant == "lu",
            Bh1Solver = variant == "bh1",
            LogLinearInterpolation = variant == "loglinear",
            HeunSolver = variant == "heun",
            RescaleBetasZeroSnr = variant == "zerosnr" && !(kind is SamplerKind.Ddim or SamplerKind.Plms or SamplerKind.Lcm && type == PredictionType.Epsilon),
            EndsAtZeroSigma = variant == "endzero",
            SolverOrder = variant == "order1" ? 1 : 2,
        };
        NoiseSchedule schedule = new(config);
        using ISampler sampler = schedule.CreateSampler(kind);
        sampler.SetTimesteps(20);
        Generator generator = new(3);
        Tensor clean = randn([2, 4, 8, 8], generator: generator).clamp(-1, 1);
        Tensor latents = randn([2, 4, 8, 8], generator: generator) * sampler.InitialNoiseScale;
        for (int i = 0; i < sampler.Timesteps.Count; i++)
        {
            double sigma = Sigma(i);
            double alpha = 1 / Math.Sqrt((sigma * sigma) + 1);
            Tensor input = sampler.ScaleInput(latents, i);
            double noiseLevel = Math.Sqrt(1 - (alpha * alpha));
            Tensor noise = (input - (alpha * clean)) / noiseLevel;
            Tensor prediction = type switch
            {
                PredictionType.Epsilon => noise,
                PredictionType.Velocity => (alpha * noise) - (noiseLevel * clean),
                _ => clean,
            };
            latents = sampler.Step(prediction, latents, i, randn([2, 4, 8, 8], generator: generator));
        }
        double error = (latents - clean).abs().max().item<float>();
        // PNDM strides by whole timesteps, which linspace's are not.
        Assert.True(error < (kind == SamplerKind.Plms && spacing == TimestepSpacing.Linspace ? 0.2 : 0.15), $"{error}");

        double Sigma(int step) => SamplerSigmas.Of(sampler)?[step] ?? Math.Sqrt((1 / (double)schedule.AlphasCumprod[(int)sampler.Timesteps[step]]) - 1);
    }

    [Fact]
    public void Samplers_leave_no_tensors_behind()
    {
        NoiseSchedule schedule = new(new NoiseScheduleConfig { BetaSchedule = BetaSchedule.SquaredCosCapV2, Thresholding = true });
        foreach (SamplerKind kind in Enum.GetValues<SamplerKind>())
        {
            using Tensor start = randn(1, 4, 4, 4);
            long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            using (ISampler sampler = schedule.CreateSampler(kind))
            {
                sampler.SetTimesteps(5);
                Tensor latents = start.clone();
                for (int i = 0; i < sampler.Timesteps.Count; i++)
                {
                    using Tensor input = sampler.ScaleInput(latents, i);
                    using Tensor old = latents;
                    latents = sampler.Step(input, old, i, start);
                }
                latents.Dispose();
            }
            Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(1000)]
    public void The_extreme_numbers_of_steps_stay_finite(int steps)
    {
        using DisposeScope scope = NewDisposeScope();
        NoiseSchedule schedule = new(new NoiseScheduleConfig { BetaSchedule = BetaSchedule.ScaledLinear, StepsOffset = 1,
            TimestepSpacing = TimestepSpacing.Leading, OriginalInferenceSteps = 1000 });
        foreach (SamplerKind kind in Enum.GetValues<SamplerKind>())
        {
            using ISampler sampler = schedule.CreateSampler(kind);
            sampler.SetTimesteps(steps);
            // PLMS takes its first step twice, Heun all but the last.
            Assert.Equal(kind == SamplerKind.Plms && steps > 1 ? steps + 1 : kind == SamplerKind.Heun ? (2 * steps) - 1 : steps, sampler.Timesteps.Count);
            Tensor latents = ones(1, 1, 2, 2) * sampler.InitialNoiseScale;
            for (int i = 0; i < sampler.Timesteps.Count; i++)
                latents = sampler.Step(sampler.ScaleInput(latents, i) * 0.5, latents, i, ones(1, 1, 2, 2));
            Assert.True(latents.isfinite().all().ToBoolean(), $"{kind}");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public void A_number_of_steps_outside_the_schedule_is_refused(int steps)
    {
        using ISampler sampler = new NoiseSchedule(new NoiseScheduleConfig()).CreateSampler(SamplerKind.Euler);
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.SetTimesteps(steps));
    }

    [Fact]
    public void Lcm_has_at_most_the_steps_of_its_teacher()
    {
        using ISampler sampler = new NoiseSchedule(new NoiseScheduleConfig { OriginalInferenceSteps = 50 }).CreateSampler(SamplerKind.Lcm);
        Assert.Contains("50 (original_inference_steps)", Assert.Throws<ArgumentOutOfRangeException>(() => sampler.SetTimesteps(51)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SamplerKind.EulerAncestral)]
    [InlineData(SamplerKind.DpmSolverPlusPlus2MSde)]
    [InlineData(SamplerKind.Lcm)]
    public void A_step_that_adds_noise_asks_for_it(SamplerKind kind)
    {
        using DisposeScope scope = NewDisposeScope();
        using ISampler sampler = new NoiseSchedule(new NoiseScheduleConfig()).CreateSampler(kind);
        sampler.SetTimesteps(3);
        Assert.True(sampler.AddsNoise(0));
        Assert.Throws<ArgumentNullException>("noise", () => sampler.Step(ones(1), ones(1), 0));
    }

    /// <summary>Numbers of diffusers' PNDMScheduler in double precision, for a network that gives 0.4 x + b cos(t / 300).</summary>
    [Theory]
    [InlineData(1, 1, false, PredictionType.Epsilon, 1.489714, -0.6944713, 0.1881866)]
    [InlineData(2, 1, false, PredictionType.Epsilon, 1.538743, -0.671561, -0.4616103)]
    [InlineData(7, 1, false, PredictionType.Epsilon, 3.72166, -1.77806, 1.087975)]
    [InlineData(20, 0, true, PredictionType.Epsilon, 5.431159, -2.663694, 2.57535)]
    [InlineData(7, 1, false, PredictionType.Velocity, 0.5851139, -0.247678, -0.2856963)]
    public void Plms_walks_as_the_reference_does(int steps, int offset, bool endsAtOne, PredictionType type, double first, double second, double third)
    {
        using DisposeScope scope = NewDisposeScope();
        using ISampler sampler = new NoiseSchedule(new NoiseScheduleConfig
        {
            BetaSchedule = BetaSchedule.ScaledLinear,
            BetaStart = 0.00085,
            BetaEnd = 0.012,
            StepsOffset = offset,
            SetAlphaToOne = endsAtOne,
            PredictionType = type,
        }).CreateSampler(SamplerKind.Plms);
        // A second run shows that a first one leaves nothing behind.
        foreach (int run in new[] { 1, 2 })
        {
            sampler.SetTimesteps(steps);
            Tensor latents = tensor(new[] { 1.5, -0.7, 0.2 }), slope = tensor(new[] { 0.3, -0.2, 0.9 });
            for (int i = 0; i < sampler.Timesteps.Count; i++)
                latents = sampler.Step((0.4 * latents) + (slope * Math.Cos(sampler.Timesteps[i] / 300)), latents, i);
            Fixtures.AssertClose(latents, tensor(new[] { first, second, third }), 2e-5, $"{steps} steps, run {run}");
        }
    }

    [Theory]
    [InlineData("""{"_class_name": "PNDMScheduler", "skip_prk_steps": true}""", SamplerKind.Plms, false)]
    [InlineData("""{"_class_name": "DDIMScheduler"}""", SamplerKind.Ddim, true)]
    public void A_configuration_names_its_sampler_and_how_it_ends(string json, SamplerKind? sampler, bool endsAtOne)
    {
        NoiseScheduleConfig config = NoiseScheduleConfig.FromJson(ModelConfig.Parse(json, "x.json"));
        Assert.Equal((sampler, endsAtOne), (config.Sampler, config.SetAlphaToOne));
    }

    [Theory]
    [InlineData("""{"_class_name": "ScoreSdeVpScheduler", "solver_order": 9}""", "_class_name", "ScoreSdeVpScheduler")]
    [InlineData("""{"_class_name": "PNDMScheduler"}""", "skip_prk_steps", "Runge-Kutta")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver"}""", "algorithm_type", "dpmsolver++")]
    public void A_file_whose_own_sampler_is_not_had_names_it_and_lists_the_choices(string json, string field, string named)
    {
        var config = ModelConfig.Parse(json, "x.json");
        NoiseSchedule training = new(NoiseScheduleConfig.ForTraining(config));
        Assert.Null(training.Config.Sampler);
        foreach (Func<object> asked in new Func<object>[] { () => NoiseScheduleConfig.FromJson(config), () => training.CreateSampler() })
        {
            ModelConfigException e = Assert.Throws<ModelConfigException>(asked);
            Assert.Equal(field, e.Field);
            Assert.Contains(named, e.Message, StringComparison.Ordinal);
            Assert.Contains("--scheduler ddim, euler, ", e.Message, StringComparison.Ordinal);
            Assert.All(SamplerKinds.Names, n => Assert.Contains(n, e.Message, StringComparison.Ordinal));
        }
        foreach (SamplerKind kind in Enum.GetValues<SamplerKind>())
        {
            Assert.Equal(kind, NoiseScheduleConfig.FromJson(config, kind).Sampler);
            training.CreateSampler(kind).Dispose();
        }
    }

    [Theory]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "solver_order": 3, "solver_type": "bh2", "predict_x0": true, "algorithm_type": "x" FORWARD}""")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "solver_order": 3, "solver_type": "y" FORWARD}""")]
    [InlineData("""{"_class_name": "NewScheduler", "a_new_field": true FORWARD}""")]
    public void A_chosen_sampler_walks_as_without_the_fields_of_the_one_that_the_file_names(string json)
    {
        const string Forward = """, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1, "timestep_spacing": "leading" """;
        var other = ModelConfig.Parse(json.Replace("FORWARD", Forward, StringComparison.Ordinal), "x.json");
        var own = ModelConfig.Parse($$"""{"_class_name": "EulerDiscreteScheduler" {{Forward}}}""", "x.json");
        NoiseScheduleConfig expected = NoiseScheduleConfig.FromJson(own), actual = NoiseScheduleConfig.FromJson(other, SamplerKind.Euler);
        Assert.Equal(expected with { Json = null }, actual with { Json = null });
    }

    [Theory]
    [InlineData("""{"_class_name": "DDIMScheduler", "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}""", "rescale_betas_zero_snr", null)]
    [InlineData("""{"_class_name": "DDIMScheduler", "timestep_spacing": "linspace", "rescale_betas_zero_snr": true}""", "rescale_betas_zero_snr", null)]
    [InlineData("""{"_class_name": "LCMScheduler", "rescale_betas_zero_snr": true}""", "rescale_betas_zero_snr", null)]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}""", "rescale_betas_zero_snr", SamplerKind.Ddim)]
    [InlineData("""{"_class_name": "DDIMScheduler", "beta_start": 0.5, "beta_end": 0.9}""", "beta_end", null)]
    [InlineData("""{"_class_name": "PNDMScheduler", "skip_prk_steps": true, "beta_start": 0.5, "beta_end": 0.9}""", "beta_end", null)]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "beta_start": 0.5, "beta_end": 0.9}""", "beta_end", null)]
    [InlineData("""{"_class_name": "HeunDiscreteScheduler", "num_train_timesteps": 2, "trained_betas": [0.5, 1]}""", "trained_betas", null)]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "beta_start": 1e-12}""", "beta_start", null)]
    [InlineData("""{"_class_name": "DDIMScheduler", "prediction_type": "sample", "beta_start": 1e-12}""", "beta_start", null)]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": Infinity}""", "lambda_min_clipped", null)]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": NaN}""", "lambda_min_clipped", null)]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "final_sigmas_type": "zero", "lower_order_final": false}""", "lower_order_final", null)]
    public void What_can_only_end_in_NaN_is_refused_when_it_is_read(string json, string field, SamplerKind? sampler)
    {
        var config = ModelConfig.Parse(json, "scheduler_config.json");
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => NoiseScheduleConfig.FromJson(config, sampler));
        Assert.Equal(field, e.Field);
        Assert.Contains("NaN", e.Message, StringComparison.Ordinal);
        // Training divides by none of it.
        Assert.Equal(config.GetBoolean("rescale_betas_zero_snr", false), new NoiseSchedule(NoiseScheduleConfig.ForTraining(config)).Config.RescaleBetasZeroSnr);
    }

    [Theory]
    [InlineData("""{"_class_name": "DDIMScheduler", "timestep_spacing": "leading", "rescale_betas_zero_snr": true}""", null)]
    [InlineData("""{"_class_name": "DDIMScheduler", "timestep_spacing": "trailing", "rescale_betas_zero_snr": true, "prediction_type": "v_prediction"}""", null)]
    [InlineData("""{"_class_name": "DDIMScheduler", "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}""", SamplerKind.Euler)]
    [InlineData("""{"_class_name": "PNDMScheduler", "skip_prk_steps": true, "timestep_spacing": "trailing", "rescale_betas_zero_snr": true}""", null)]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "skip_prk_steps": "x", "solver_order": 7, "clip_sample": 3, "clip_sample_range": "y", "_note": "z", "new_one": false, "newer": null}""", null)]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "deis", "solver_type": "bh2"}""", null)]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "solver_type": "midpoint"}""", null)]
    [InlineData("""{"_class_name": "DEISMultistepScheduler", "algorithm_type": "dpmsolver++", "solver_type": "heun"}""", null)]
    [InlineData("""{"_class_name": "DDPMScheduler", "variance_type": "fixed_small"}""", SamplerKind.DpmSolverPlusPlus2M)]
    public void What_can_be_sampled_is_taken(string json, SamplerKind? sampler)
    {
        using DisposeScope scope = NewDisposeScope();
        NoiseSchedule schedule = new(NoiseScheduleConfig.FromJson(ModelConfig.Parse(json, "scheduler_config.json"), sampler));
        using ISampler walk = schedule.CreateSampler(sampler);
        walk.SetTimesteps(4);
        Tensor latents = ones(1, 1, 2, 2) * walk.InitialNoiseScale;
        for (int i = 0; i < walk.Timesteps.Count; i++)
            latents = walk.Step(walk.ScaleInput(latents, i) * 0.5, latents, i);
        Assert.True(latents.isfinite().all().ToBoolean());
    }

    [Fact]
    public void Leading_timesteps_that_reach_a_timestep_without_signal_are_refused()
    {
        using ISampler sampler = new NoiseSchedule(new NoiseScheduleConfig { RescaleBetasZeroSnr = true }).CreateSampler(SamplerKind.Ddim);
        sampler.SetTimesteps(999);
        Assert.Throws<ArgumentOutOfRangeException>("steps", () => sampler.SetTimesteps(1000));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 0.5)]
    [InlineData(1, 1)]
    [InlineData(0.1, 0.03958441)]
    [InlineData(0.9, 0.96041559)]
    public void Quantiles_of_the_beta_distribution_equal_scipys(double probability, double quantile)
        => Assert.Equal(quantile, SamplerTimesteps.BetaQuantile(probability), 7);

    [Fact]
    public void Every_sampler_has_one_name_and_one_entry()
    {
        SamplerKind[] kinds = Enum.GetValues<SamplerKind>();
        Assert.Equal(kinds.Length, SamplerKinds.Names.Distinct().Count());
        Assert.All(kinds, k => Assert.Equal(k, SamplerKinds.Parse(SamplerKinds.NameOf(k))));
        Assert.Contains("dpmpp-2m", Assert.Throws<ArgumentException>(() => SamplerKinds.Parse("Euler")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"beta_schedule": "quadratic"}""", "beta_schedule")]
    [InlineData("""{"prediction_type": "noise"}""", "prediction_type")]
    [InlineData("""{"timestep_spacing": "random"}""", "timestep_spacing")]
    [InlineData("""{"solver_order": 3}""", "solver_order")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver"}""", "algorithm_type")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "variance_type": "learned_range"}""", "variance_type")]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true}""", "use_flow_sigmas")]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "predict_x0": false}""", "predict_x0")]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "solver_order": 3}""", "solver_order")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "use_beta_sigmas": true}""", "use_beta_sigmas")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "final_sigmas_type": "none"}""", "final_sigmas_type")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "timestep_type": "half"}""", "timestep_type")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "sigma_min": 2, "sigma_max": 1}""", "sigma_min")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "sigma_max": -1}""", "sigma_max")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "steps_offset": -1}""", "steps_offset")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "use_brand_new_sigmas": true}""", "use_brand_new_sigmas")]
    [InlineData("""{"_class_name": "LCMScheduler", "original_inference_steps": 0}""", "original_inference_steps")]
    [InlineData("""{"trained_betas": [0.1, -0.1], "num_train_timesteps": 2}""", "trained_betas[1]")]
    public void An_unknown_value_names_file_and_field(string json, string field)
    {
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => NoiseScheduleConfig.FromJson(ModelConfig.Parse(json, "scheduler_config.json")));
        Assert.Equal(field, e.Field);
        Assert.Contains("scheduler_config.json", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rescaled_betas_end_without_any_signal()
    {
        NoiseSchedule schedule = new(new NoiseScheduleConfig { BetaSchedule = BetaSchedule.ScaledLinear, RescaleBetasZeroSnr = true });
        Assert.Equal(0, schedule.AlphasCumprod[^1], 6);
        Assert.Equal(new NoiseSchedule(new NoiseScheduleConfig { BetaSchedule = BetaSchedule.ScaledLinear }).AlphasCumprod[0], schedule.AlphasCumprod[0], 5);
    }

    [Fact]
    public void Target_follows_the_prediction_type()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor latents = randn(2, 4, 3, 3), noise = randn(2, 4, 3, 3), timesteps = tensor(new long[] { 5, 900 });
        foreach (PredictionType type in Enum.GetValues<PredictionType>())
        {
            NoiseSchedule schedule = new(new NoiseScheduleConfig { PredictionType = type });
            Tensor expected = type switch { PredictionType.Epsilon => noise, PredictionType.Sample => latents, _
                => schedule.Velocity(latents, noise, timesteps) };
            Assert.True(schedule.Target(latents, noise, timesteps).equal(expected).all().ToBoolean());
        }
    }

    [Fact]
    public void Pythons_bare_infinities_are_numbers_and_strings_stay_as_they_are()
    {
        var config = ModelConfig.Parse("""{"low": -Infinity, "high": Infinity, "none": NaN, "text": "a \" NaN and -Infinity"}""", "c.json");
        Assert.Equal(double.NegativeInfinity, config.GetDouble("low"));
        Assert.Equal(double.PositiveInfinity, config.GetDouble("high"));
        Assert.True(double.IsNaN(config.GetDouble("none")));
        Assert.Equal("a \" NaN and -Infinity", config.GetString("text"));
    }
}
