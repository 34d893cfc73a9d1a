using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters;

/// <summary>What a branch is made with beside its image prompts.</summary>
/// <param name="Scale">Weight of the image prompts beside the text, at least 0; 0 leaves the text alone.</param>
/// <param name="DType">The UNet's type, which the branch gets its queries in and gives its output in; image prompts have any.</param>
/// <param name="UnconditionalRows">How many rows, the first ones, are the unconditional half of guidance; 0 without guidance and in training.</param>
/// <param name="Layout">Lays all objects out automatically; null leaves those with a box where they are.</param>
/// <param name="Keeps">Whether the branch may keep what it computes from call to call, which is freed with it; not where the backward pass asks it again.</param>
internal sealed record BranchSettings(double Scale, ScalarType DType, int UnconditionalRows = 0, AutomaticLayout? Layout = null, bool Keeps = true);
