using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>Refuses configurations under which a sampler can only divide by zero.</summary>
internal static class SamplerLimits
{
    /// <summary>Checks a configuration that was read from a file for its sampler.</summary>
    /// <exception cref="ModelConfigException">Its numbers end in NaN whatever the network predicts.</exception>
    public static void Check(NoiseScheduleConfig config)
    {
        if (config.Sampler is not { } sampler)
            return;
        var schedule = new NoiseSchedule(config);
        string field = config.RescaleBetasZeroSnr ? "rescale_betas_zero_snr" : config.TrainedBetas is null ? "beta_end" : "trained_betas";
        IReadOnlyList<float> signal = schedule.AlphasCumprod;
        if (sampler is SamplerKind.Ddim or SamplerKind.Plms or SamplerKind.Lcm)
        {
            // Leading timesteps stop short of the last one; all others begin there.
            bool isShort = sampler != SamplerKind.Lcm && (config.TimestepSpacing ?? TimestepSpacing.Leading) == TimestepSpacing.Leading;
            if (config.PredictionType == PredictionType.Epsilon && signal[isShort ? ^2 : ^1] == 0)
                throw Fault(field, "the last timestep holds no signal, so the predicted noise tells nothing of the image there");
            if (config.PredictionType == PredictionType.Sample && signal[0] == 1)
                throw Fault("beta_start", "the first timestep holds no noise, so none can be told from the predicted image there");
            return;
        }
        double[] sigmas = schedule.TrainSigmas();
        if (Array.Exists(sigmas, s => !double.IsFinite(s)))
            throw Fault(field, "a timestep holds no signal, so its noise level is infinite");
        if (Array.Exists(sigmas, s => s <= 0))
            throw Fault("beta_start", "a timestep holds no noise, so its noise level has no logarithm");
        if (SolverLevels.CountWithin(sigmas, config.LambdaMinClipped) < 2)
            throw Fault("lambda_min_clipped", $"{config.LambdaMinClipped} leaves out all timesteps");
        if (sampler == SamplerKind.UniPc && config is { SolverOrder: 2, LowerOrderFinal: false, EndsAtZeroSigma: true })
            throw Fault("lower_order_final", "false has no second-order step to noise level zero (final_sigmas_type 'zero')");

        ModelConfigException Fault(string name, string why)
            => config.Json!.Fault(name, $"{why}: {SamplerKinds.NameOf(sampler)} can only give NaN with it; {SamplerKinds.Choose}.");
    }
}
