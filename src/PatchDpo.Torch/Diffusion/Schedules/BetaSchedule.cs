namespace PatchDpo.Torch.Diffusion.Schedules;

/// <summary>How the noise variance of a step grows over the training timesteps.</summary>
public enum BetaSchedule
{
    /// <summary><c>linear</c>: from the first to the last beta in equal steps.</summary>
    Linear,

    /// <summary><c>scaled_linear</c>: the square roots grow in equal steps (Stable Diffusion, SDXL).</summary>
    ScaledLinear,

    /// <summary><c>squaredcos_cap_v2</c>: the cosine schedule, betas cut at 0.999.</summary>
    SquaredCosCapV2,

    /// <summary><c>sigmoid</c>: a sigmoid over -6..6 between the first and the last beta.</summary>
    Sigmoid,
}
