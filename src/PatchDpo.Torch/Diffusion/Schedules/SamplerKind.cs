namespace PatchDpo.Torch.Diffusion;

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
}
