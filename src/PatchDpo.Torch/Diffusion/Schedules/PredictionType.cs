namespace PatchDpo.Torch.Diffusion.Schedules;

/// <summary>What the network predicts.</summary>
public enum PredictionType
{
    /// <summary><c>epsilon</c>: the noise.</summary>
    Epsilon,

    /// <summary><c>v_prediction</c>: the velocity, sqrt(alpha) * noise - sqrt(1 - alpha) * latents.</summary>
    Velocity,

    /// <summary><c>sample</c>: the noise-free latents.</summary>
    Sample,
}
