using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Schedules;

/// <summary>The forward process: how much noise each training timestep holds.</summary>
/// <remarks>As diffusers' DDPM: betas and their cumulative products in float32. Holds no tensors, so it needs no disposing.</remarks>
public sealed class NoiseSchedule
{
    private readonly float[] _betas;
    private readonly float[] _alphasCumprod;

    /// <summary>Computes the schedule.</summary>
    /// <param name="config">Its configuration.</param>
    /// <exception cref="ArgumentException">The configuration's own betas are not one for each timestep.</exception>
    public NoiseSchedule(NoiseScheduleConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        TorchRuntime.Initialize();
        using DisposeScope scope = NewDisposeScope();
        Tensor betas = Betas(config);
        _betas = betas.data<float>().ToArray();
        _alphasCumprod = betas.SubtractedFrom(1).cumprod(0).data<float>().ToArray();
    }

    // The same forward process for another sampler.
    private NoiseSchedule(NoiseScheduleConfig config, float[] betas, float[] alphasCumprod)
        => (Config, _betas, _alphasCumprod) = (config, betas, alphasCumprod);

    /// <summary>The configuration.</summary>
    public NoiseScheduleConfig Config { get; }

    /// <summary>Number of training timesteps, T.</summary>
    public int TrainTimesteps => Config.TrainTimesteps;

    /// <summary>The noise variance of each step, T values.</summary>
    public IReadOnlyList<float> StepBetas => _betas;

    /// <summary>The share of signal left at each timestep (cumulative product of 1 - beta), T values, falling.</summary>
    public IReadOnlyList<float> AlphasCumprod => _alphasCumprod;

    /// <summary>Noises latents: sqrt(alpha) * latents + sqrt(1 - alpha) * noise.</summary>
    /// <param name="latents">Clean latents, <c>(B,...)</c>.</param>
    /// <param name="noise">Standard normal noise of the same shape.</param>
    /// <param name="timesteps">Int64 <c>(B)</c>, 0..T-1.</param>
    /// <returns>Noisy latents of the same shape, which the caller disposes.</returns>
    public Tensor AddNoise(Tensor latents, Tensor noise, Tensor timesteps)
    {
        ArgumentNullException.ThrowIfNull(latents);
        ArgumentNullException.ThrowIfNull(noise);
        ArgumentNullException.ThrowIfNull(timesteps);
        using DisposeScope scope = NewDisposeScope();
        (Tensor signal, Tensor sigma) = Levels(latents, timesteps);
        return (signal * latents).Plus(sigma * noise).MoveToOuterDisposeScope();
    }

    /// <summary>The velocity: sqrt(alpha) * noise - sqrt(1 - alpha) * latents.</summary>
    /// <param name="latents">Clean latents, <c>(B,...)</c>.</param>
    /// <param name="noise">The noise, same shape.</param>
    /// <param name="timesteps">Int64 <c>(B)</c>, 0..T-1.</param>
    /// <returns>The same shape; the caller disposes it.</returns>
    public Tensor Velocity(Tensor latents, Tensor noise, Tensor timesteps)
    {
        ArgumentNullException.ThrowIfNull(latents);
        ArgumentNullException.ThrowIfNull(noise);
        ArgumentNullException.ThrowIfNull(timesteps);
        using DisposeScope scope = NewDisposeScope();
        (Tensor signal, Tensor sigma) = Levels(latents, timesteps);
        return ((signal * noise) - (sigma * latents)).MoveToOuterDisposeScope();
    }

    /// <summary>What a network of this schedule's prediction type should predict.</summary>
    /// <param name="latents">Clean latents, <c>(B,...)</c>.</param>
    /// <param name="noise">The noise, same shape.</param>
    /// <param name="timesteps">Int64 <c>(B)</c>, 0..T-1.</param>
    /// <returns>The same shape: noise, velocity or clean latents; the caller disposes it.</returns>
    public Tensor Target(Tensor latents, Tensor noise, Tensor timesteps)
    {
        ArgumentNullException.ThrowIfNull(latents);
        ArgumentNullException.ThrowIfNull(noise);
        ArgumentNullException.ThrowIfNull(timesteps);
        return Config.PredictionType switch
        {
            PredictionType.Epsilon => noise.alias(),
            PredictionType.Velocity => Velocity(latents, noise, timesteps),
            _ => latents.alias(),
        };
    }

    /// <summary>Signal-to-noise ratio alpha / (1 - alpha) of timesteps.</summary>
    /// <param name="timesteps">Int64 <c>(B)</c>, 0..T-1.</param>
    /// <returns>Float32 <c>(B)</c>; the caller disposes it.</returns>
    public Tensor Snr(Tensor timesteps)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        using DisposeScope scope = NewDisposeScope();
        Tensor alpha = Gather(timesteps);
        return (alpha.sqrt() / alpha.SubtractedFrom(1).sqrt()).Squared().MoveToOuterDisposeScope();
    }

    /// <summary>Loss weights of min-SNR-gamma for this schedule's prediction type.</summary>
    /// <param name="timesteps">Int64 <c>(B)</c>, 0..T-1.</param>
    /// <param name="gamma">The cut, greater than 0; 5 is usual.</param>
    /// <returns>Float32 <c>(B)</c>; the caller disposes it.</returns>
    /// <remarks>Hang et al., arXiv 2303.09556: min(snr, gamma) / snr for the noise, / (snr + 1) for the velocity, min(snr, gamma) for the sample.</remarks>
    public Tensor MinSnrWeights(Tensor timesteps, double gamma)
    {
        ArgumentNullException.ThrowIfNull(timesteps);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(gamma);
        using DisposeScope scope = NewDisposeScope();
        Tensor snr = Snr(timesteps);
        Tensor cut = snr.AtMost(gamma);
        return (Config.PredictionType switch
        {
            PredictionType.Epsilon => cut / snr,
            PredictionType.Velocity => cut / snr.Plus(1),
            _ => cut,
        }).MoveToOuterDisposeScope();
    }

    /// <summary>Creates a sampler over this schedule.</summary>
    /// <param name="kind">The method; null takes the one that the configuration names.</param>
    /// <exception cref="ModelConfigException">
    /// The configuration's file does not suit that sampler, or names none of ours where <paramref name="kind"/> is null.
    /// </exception>
    /// <exception cref="InvalidOperationException"><paramref name="kind"/> is null and the configuration names no sampler at all.</exception>
    /// <remarks>A configuration that came from a file is read again for the sampler: each uses fields of its own.</remarks>
    public ISampler CreateSampler(SamplerKind? kind = null)
    {
        NoiseScheduleConfig config = Config.Json is { } json ? NoiseScheduleConfig.FromJson(json, kind ?? Config.Sampler) : Config;
        SamplerKind chosen = kind ?? config.Sampler
            ?? throw new InvalidOperationException($"The schedule's configuration names no sampler: {SamplerKinds.Choose}.");
        return SamplerKinds.Create(chosen, HasForwardProcessOf(config) ? new NoiseSchedule(config, _betas, _alphasCumprod) : new NoiseSchedule(config));
    }

    // What a sampler's own class has defaults for, or may not read.
    private bool HasForwardProcessOf(NoiseScheduleConfig other)
        => (Config.RescaleBetasZeroSnr, Config.BetaSchedule, Config.BetaStart, Config.BetaEnd) == (
            other.RescaleBetasZeroSnr, other.BetaSchedule, other.BetaStart, other.BetaEnd);

    /// <summary>Standard deviation of noise to signal at each timestep, sqrt((1 - alpha) / alpha), rising.</summary>
    internal double[] TrainSigmas()
    {
        double[] sigmas = Array.ConvertAll(_alphasCumprod, a => Math.Sqrt((1d - a) / a));
        // Without any signal the last level would be infinite; diffusers puts float16's smallest number for alpha there.
        if (Config.RescaleBetasZeroSnr)
            sigmas[^1] = Math.Sqrt((1 - Math.ScaleB(1, -24)) / Math.ScaleB(1, -24));
        return sigmas;
    }

    private (Tensor Signal, Tensor Sigma) Levels(Tensor latents, Tensor timesteps)
    {
        long[] shape = [timesteps.shape[0], .. Enumerable.Repeat(1L, (int)latents.dim() - 1)];
        Tensor alpha = Gather(timesteps).to(latents.dtype).reshape(shape);
        return (alpha.sqrt(), alpha.SubtractedFrom(1).sqrt());
    }

    private Tensor Gather(Tensor timesteps)
        => tensor(_alphasCumprod, device: timesteps.device).index_select(0, timesteps);

    private static Tensor Betas(NoiseScheduleConfig config)
    {
        int count = config.TrainTimesteps;
        if (config.TrainedBetas is { } given && given.Count != count)
            throw new ArgumentException($"{given.Count} betas are given for {count} timesteps.", nameof(config));
        Tensor betas = config.TrainedBetas is { } trained ? tensor(trained.Select(b => (float)b).ToArray()) : config.BetaSchedule switch
        {
            BetaSchedule.Linear => linspace(config.BetaStart, config.BetaEnd, count, ScalarType.Float32),
            BetaSchedule.ScaledLinear => linspace(Math.Sqrt(config.BetaStart), Math.Sqrt(config.BetaEnd), count, ScalarType.Float32).Squared(),
            BetaSchedule.Sigmoid => linspace(-6, 6, count, ScalarType.Float32).sigmoid().Times(config.BetaEnd - config.BetaStart).Plus(config.BetaStart),
            _ => tensor(Enumerable.Range(0, count).Select(i => (float)Math.Min(1 - (Cosine((i + 1d) / count) / Cosine((double)i / count)), 0.999)).ToArray()),
        };
        return config.RescaleBetasZeroSnr ? ZeroTerminalSnr(betas) : betas;
    }

    private static double Cosine(double t) => Math.Pow(Math.Cos((t + 0.008) / 1.008 * Math.PI / 2), 2);

    // Lin et al., arXiv 2305.08891, algorithm 1.
    private static Tensor ZeroTerminalSnr(Tensor betas)
    {
        Tensor signal = betas.SubtractedFrom(1).cumprod(0).sqrt();
        Tensor first = signal[0].clone(), last = signal[-1].clone();
        Tensor cumulative = ((signal - last) * (first / (first - last))).Squared();
        Tensor alphas = cat([cumulative[..1], cumulative[1..] / cumulative[..^1]]);
        return alphas.SubtractedFrom(1);
    }
}
