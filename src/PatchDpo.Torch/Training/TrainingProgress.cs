namespace PatchDpo.Torch.Training;

/// <summary>A finished training step.</summary>
/// <param name="Step">Its number, from 1.</param>
/// <param name="MaxSteps">How many steps the training takes.</param>
/// <param name="Loss">The step's loss, before its update.</param>
/// <param name="Elapsed">Time since the first step began.</param>
public sealed record TrainingProgress(int Step, int MaxSteps, float Loss, TimeSpan Elapsed);
