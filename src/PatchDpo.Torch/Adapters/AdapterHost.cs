using PatchDpo.Torch.Diffusion.UNet;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters;

/// <summary>What an adapter is loaded for.</summary>
/// <param name="Text">The model's text encoders, which stay the model's; they live as long as what is loaded.</param>
/// <param name="UNet">The configuration of the UNet that it belongs to.</param>
/// <param name="ImageEncoderFolder">The image encoder's folder.</param>
/// <param name="Device">Where its weights go.</param>
/// <param name="DType">The type of the model's weights; an adapter's layers are float32 whatever it is.</param>
internal sealed record AdapterHost(ITextConditioning Text, UNetConfig UNet, string ImageEncoderFolder, Device Device, ScalarType DType);
