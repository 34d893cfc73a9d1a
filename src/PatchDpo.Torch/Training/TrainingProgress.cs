using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Training.Probes;

namespace PatchDpo.Torch.Training;

/// <summary>A finished training step.</summary>
/// <param name="Step">Its number, from 1.</param>
/// <param name="MaxSteps">How many steps the training takes.</param>
/// <param name="Loss">The step's loss, before its update.</param>
/// <param name="Elapsed">Time since the first step began.</param>
/// <param name="ImplicitAccuracy">
/// Diffusion-DPO alone: the share of the step's pairs whose reference the model has come to prefer to the generated image, compared with the model
/// before training, in [0, 1]; else null.
/// </param>
public sealed record TrainingProgress(int Step, int MaxSteps, float Loss, TimeSpan Elapsed, float? ImplicitAccuracy = null)
{
    /// <summary>The pairs' prompts of which the text encoder sees the beginning alone, by the pairs' places; the same list at every step.</summary>
    public IReadOnlyList<TruncatedPrompt> TruncatedPrompts { get; init; } = [];

    /// <summary>The step's learning rate.</summary>
    public double LearningRate { get; init; }

    /// <summary>The norm of all gradients together, before they were clipped.</summary>
    public double GradientNorm { get; init; }

    /// <summary>Whether the gradients were so long that the step left the layers as they were (<see cref="PatchDpoTrainerOptions.SpikeFactor"/>).</summary>
    public bool IsSpike { get; init; }

    /// <summary>Pairs that a second takes, over the steps since the training began or went on.</summary>
    public double PairsPerSecond { get; init; }

    /// <summary>How long the rest of the steps will take, if they take as long as those since the training began or went on.</summary>
    public TimeSpan Remaining { get; init; }

    /// <summary>
    /// What was drawn and measured (<see cref="PatchDpoTrainerOptions.Probe"/>) since the step before: after this step and, in the first report, before it.
    /// </summary>
    public IReadOnlyList<TrainingProbeResult> Probes { get; init; } = [];

    /// <summary>What else is worth a warning: what the adapter's family has to say of the pairs' references; the same list at every step.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
