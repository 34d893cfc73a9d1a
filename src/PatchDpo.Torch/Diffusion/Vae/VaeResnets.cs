using PatchDpo.Torch.Diffusion.Blocks;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>Makes the residual blocks of an autoencoder: no time embedding, group norm eps 1e-6.</summary>
internal static class VaeResnets
{
    public static ResnetBlock2D[] Create(int inChannels, int outChannels, int count, VaeConfig config, Device? device, ScalarType? dtype)
        => [.. Enumerable.Range(0, count).Select(i => new ResnetBlock2D(
            i == 0 ? inChannels : outChannels, outChannels, timeChannels: null, config.NormGroups, eps: 1e-6, config.Activation, device: device,
                dtype: dtype))];
}
