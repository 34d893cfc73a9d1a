using PatchDpo.Torch.Diffusion.Blocks;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>What the blocks of one UNet level are made with.</summary>
/// <param name="Config">The whole UNet's configuration.</param>
/// <param name="Heads">Attention heads on this level.</param>
/// <param name="ContextChannels">Width of the text's hidden states on this level.</param>
/// <param name="Transformers">Transformer blocks in each attention of this level; 0 for a level without attention.</param>
/// <param name="Device">Where the weights are made.</param>
/// <param name="Type">The weights' type.</param>
internal sealed record UNetBlockOptions(
    UNetConfig Config, int Heads, int ContextChannels, int Transformers, Device? Device, ScalarType? Type)
{
    public ResnetBlock2D Resnet(int inChannels, int outChannels, double outputScale = 1) => new(
        inChannels, outChannels, Config.TimeChannels, Config.NormGroups, Config.NormEps, Config.Activation,
        Config.Dropout, outputScale, Device, Type);

    public Transformer2DModel Attention(int channels) => new(
        channels, ContextChannels, Heads, Transformers, Config.NormGroups, Config.UseLinearProjection,
        Config.UpcastAttention, Device, Type);
}
