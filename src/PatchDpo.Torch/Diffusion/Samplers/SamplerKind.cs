namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>A sampling method.</summary>
public enum SamplerKind
{
    /// <summary>DDIM without added noise (eta 0).</summary>
    Ddim,

    /// <summary>Euler's method over the noise levels (the default of SDXL).</summary>
    Euler,

    /// <summary>DPM-Solver++ of second order, multistep.</summary>
    DpmSolverPlusPlus2M,

    /// <summary>Pseudo linear multistep of fourth order (PNDM; the default of Stable Diffusion 1.5).</summary>
    Plms,

    /// <summary>Euler's method with fresh noise after each step.</summary>
    EulerAncestral,

    /// <summary>Heun's method over the noise levels: two network calls a step, but for the last.</summary>
    Heun,

    /// <summary>Latent consistency sampling, for few steps with a model or LoRA that was distilled for it.</summary>
    Lcm,

    /// <summary>UniPC of second order: a predictor, and a corrector that costs no network call.</summary>
    UniPc,

    /// <summary>DPM-Solver++ of second order, multistep, with fresh noise after each step.</summary>
    DpmSolverPlusPlus2MSde,

    /// <summary>DEIS of second order, multistep, in the logarithm of the noise level.</summary>
    Deis,

    /// <summary>Linear multistep of fourth order over the noise levels (ELITE's).</summary>
    Lms,
}
