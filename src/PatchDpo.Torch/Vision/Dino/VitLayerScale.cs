using PatchDpo.Torch.Foundation;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>A learned factor for each channel. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: facebookresearch/dinov2 <c>layers/layer_scale.py</c>.</remarks>
internal sealed class VitLayerScale : Module<Tensor, Tensor>
{
    private readonly Parameter gamma;

    public VitLayerScale(int dim, double initial, Device? device, ScalarType? dtype) : base(nameof(VitLayerScale))
    {
        gamma = new Parameter(TensorArithmetic.Filled([dim], initial, dtype, device));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => x * gamma;
}
