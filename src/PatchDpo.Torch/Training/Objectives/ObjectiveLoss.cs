using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Objectives;

/// <summary>A step's loss.</summary>
/// <param name="Value">A scalar with gradient.</param>
/// <param name="ImplicitAccuracy">
/// Diffusion-DPO: the share of pairs whose reference gained more on the generated image than the other way round, in [0, 1]; null for other
/// objectives.
/// </param>
internal sealed record ObjectiveLoss(Tensor Value, float? ImplicitAccuracy = null);
