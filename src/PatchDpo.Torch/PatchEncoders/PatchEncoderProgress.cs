namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Where the self-supervised patch training stands.</summary>
/// <param name="Step">Steps done, from 1.</param>
/// <param name="MaxSteps">Steps to do.</param>
/// <param name="Loss">This step's InfoNCE loss.</param>
/// <param name="Accuracy">The share of points whose most similar point of the batch was the right one, 0..1.</param>
public sealed record PatchEncoderProgress(int Step, int MaxSteps, double Loss, double Accuracy);
