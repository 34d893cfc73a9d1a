namespace PatchDpo.Torch.Diffusion.Schedules;

/// <summary>What becomes of each field that a scheduler class of diffusers writes into <c>scheduler_config.json</c>.</summary>
/// <param name="Read">Used by our sampler; a value that it cannot take is refused by name.</param>
/// <param name="Refused">Anything but false or null is refused by name.</param>
/// <param name="Unused">Written, but without effect on what the class computes (or only beside a refused field).</param>
/// <remarks>
/// The one list of fields; <see cref="NoiseScheduleConfigReader"/> reads by it, and a test holds it against the classes' parameters.
/// A field of another class in a file is ignored, as diffusers does: folders keep them when their scheduler is exchanged. A field
/// that no class writes is refused by name where the file's own sampler is used, for it may mean something in a newer version; names
/// that begin with an underscore are notes.
/// </remarks>
internal sealed record SchedulerFields(string[] Read, string[] Refused, string[] Unused)
{
    private static readonly string[] Betas = ["num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type"];
    private static readonly string[] Spacing = ["timestep_spacing", "steps_offset"];
    private static readonly string[] Thresholding = ["thresholding", "dynamic_thresholding_ratio", "sample_max_value"];
    private static readonly string[] Sigmas = ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"];
    private static readonly string[] Flow = ["use_flow_sigmas", "use_dynamic_shifting"];
    private static readonly string[] OfFlow = ["flow_shift", "time_shift_type"];

    /// <summary>By class name.</summary>
    public static IReadOnlyDictionary<string, SchedulerFields> Classes { get; } = new Dictionary<string, SchedulerFields>
    {
        ["DDIMScheduler"] = new([.. Betas, .. Spacing, .. Thresholding, "clip_sample", "clip_sample_range", "set_alpha_to_one",
            "rescale_betas_zero_snr"], [], []),
        ["PNDMScheduler"] = new([.. Betas, .. Spacing, "set_alpha_to_one", "skip_prk_steps"], [], []),
        ["EulerDiscreteScheduler"] = new(
            [.. Betas, .. Spacing, .. Sigmas, "interpolation_type", "sigma_min", "sigma_max", "timestep_type", "rescale_betas_zero_snr",
                "final_sigmas_type"], [], []),
        ["EulerAncestralDiscreteScheduler"] = new([.. Betas, .. Spacing, "rescale_betas_zero_snr"], [], []),
        ["HeunDiscreteScheduler"] = new([.. Betas, .. Spacing, .. Sigmas, "clip_sample", "clip_sample_range"], [], []),
        // LCM's timesteps follow from the teacher's steps, and a run never goes below the first timestep.
        ["LCMScheduler"] = new(
            [.. Betas, .. Thresholding, "clip_sample", "clip_sample_range", "original_inference_steps", "timestep_scaling", "rescale_betas_zero_snr"],
            [], [.. Spacing, "set_alpha_to_one"]),
        ["DPMSolverMultistepScheduler"] = new(
            [
                .. Betas, .. Spacing, .. Thresholding, .. Sigmas, "algorithm_type", "solver_order", "solver_type", "lower_order_final",
                    "euler_at_final",
                "use_lu_lambdas", "final_sigmas_type", "lambda_min_clipped", "rescale_betas_zero_snr",
            ],
            [.. Flow, "variance_type"], OfFlow),
        ["UniPCMultistepScheduler"] = new(
            [
                .. Betas, .. Spacing, .. Thresholding, .. Sigmas, "solver_order", "solver_type", "predict_x0", "lower_order_final", "disable_corrector",
                "final_sigmas_type", "rescale_betas_zero_snr", "sigma_min", "sigma_max",
            ],
            [.. Flow, "solver_p", "shift_terminal"], OfFlow),
        ["DEISMultistepScheduler"] = new(
            [.. Betas, .. Spacing, .. Thresholding, .. Sigmas, "algorithm_type", "solver_order", "solver_type", "lower_order_final"], Flow, OfFlow),
        ["LMSDiscreteScheduler"] = new([.. Betas, .. Spacing, .. Sigmas], [], []),
    };

    /// <summary>The fields of all classes, and those that old versions wrote and new ones ignore.</summary>
    public static IReadOnlySet<string> Known { get; } = new HashSet<string>(Classes.Values.SelectMany(c => c.All)) { "tensor_format", "predict_epsilon" };

    /// <summary>Every field that the class writes.</summary>
    public IEnumerable<string> All => Read.Concat(Refused).Concat(Unused);
}
