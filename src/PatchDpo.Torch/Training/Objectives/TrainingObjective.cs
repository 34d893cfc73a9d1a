namespace PatchDpo.Torch.Training.Objectives;

/// <summary>What a training run minimises: PatchDPO, or a baseline to compare it with on the same pairs.</summary>
/// <remarks>All but <see cref="DiffusionDpo"/> are the squared error of both images of a pair under different weights (<see cref="PatchDpoLoss"/>).</remarks>
public enum TrainingObjective
{
    /// <summary>
    /// Each patch has its weight: 1 - w(p(x_ref)) for the reference, w(p(x_gen)) for the generated image. PatchDPO, arXiv 2412.03177, section 3.3.
    /// </summary>
    PatchDpo,

    /// <summary>Plain reconstruction: weight 1 everywhere, for both images.</summary>
    Reconstruction,

    /// <summary>The reference alone, with weight 1 everywhere; the generated image has weight 0.</summary>
    ReferenceOnly,

    /// <summary>One weight for each image: from the mean of its p, scaled as the weight map's options say but without their contrast.</summary>
    ImageLevel,

    /// <summary>
    /// One weight for each image: the mean of the weights that PatchDPO gives its patches, so that both put the same weight on it and differ only in
    /// where.
    /// </summary>
    ImageLevelSameMass,

    /// <summary>
    /// Diffusion-DPO (arXiv 2311.12908): the reference is the image that is preferred to the generated one, against the model as it was before
    /// training.
    /// </summary>
    DiffusionDpo,
}
