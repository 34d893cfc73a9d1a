using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Tests.Diffusion.UNet;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>The UNet and the IP-Adapter-Plus that the fixtures of 07_patchdpo share.</summary>
internal static class TinyStack
{
    public static (UNet2DConditionModel UNet, IpAdapterModel Adapter) Load()
    {
        UNet2DConditionModel unet = UNetFixture.Load(Fixtures.Path("06_unet", "sdxl_tiny.json"));
        int headChannels = Fixtures.Json("07_patchdpo/ip_forward.json").GetProperty("resampler").GetProperty("dim_head").GetInt32();
        return (unet, IpAdapterFile.Read(Fixtures.Path("07_patchdpo", "ip_plus_tiny.weights.safetensors"), unet.Config, headChannels: headChannels));
    }
}
