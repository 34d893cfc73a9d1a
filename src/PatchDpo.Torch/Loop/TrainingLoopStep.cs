namespace PatchDpo.Torch.Loop;

/// <summary>What a step did.</summary>
/// <param name="Step">The step, from 1.</param>
/// <param name="Loss">The mean of its batches' losses.</param>
/// <param name="LearningRate">Its rate.</param>
/// <param name="GradientNorm">The norm of all gradients together before it was clipped.</param>
/// <param name="IsSpike">Whether the gradients were so long that the weights were left as they were.</param>
internal sealed record TrainingLoopStep(int Step, double Loss, double LearningRate, double GradientNorm, bool IsSpike);
