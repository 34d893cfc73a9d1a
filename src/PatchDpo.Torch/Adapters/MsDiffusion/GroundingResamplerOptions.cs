using PatchDpo.Torch.Adapters.IpAdapter;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>The shape of a <see cref="GroundingResampler"/>.</summary>
/// <param name="Resampler">What it has in common with IP-Adapter-Plus's; its input is 1664 wide in the published model.</param>
/// <param name="PhraseChannels">Width of a phrase's embedding, 768.</param>
/// <param name="HiddenChannels">Width between the layers that make latents of phrase and box, 1664.</param>
internal sealed record GroundingResamplerOptions(ResamplerOptions Resampler, int PhraseChannels, int HiddenChannels);
