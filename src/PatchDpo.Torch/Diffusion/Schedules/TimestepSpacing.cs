namespace PatchDpo.Torch.Diffusion.Schedules;

/// <summary>Which of the training timesteps a sampler visits.</summary>
public enum TimestepSpacing
{
    /// <summary><c>leading</c>: multiples of the step, counted from 0, plus <c>steps_offset</c>.</summary>
    Leading,

    /// <summary><c>linspace</c>: equally spaced from 0 to the last timestep, both included.</summary>
    Linspace,

    /// <summary><c>trailing</c>: multiples of the step, counted down from the last timestep.</summary>
    Trailing,
}
