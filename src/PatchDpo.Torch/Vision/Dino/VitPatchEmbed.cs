using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>Cuts an image into patches and projects each; a rest narrower than a patch is dropped. <c>(B,3,H,W) -> (B,H/p*W/p,D)</c></summary>
/// <remarks>Source: facebookresearch/dino <c>vision_transformer.py</c>, class PatchEmbed.</remarks>
internal sealed class VitPatchEmbed : Module<Tensor, Tensor>
{
    private readonly SafeConv2d proj;

    public VitPatchEmbed(int patchSize, int dim, Device? device, ScalarType? dtype) : base(nameof(VitPatchEmbed))
    {
        // TorchSharp's convolutions and embeddings leave a tensor behind when they are made.
        using DisposeScope scope = NewDisposeScope();
        proj = new SafeConv2d(3, dim, patchSize, patchSize, device: device, dtype: dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return proj.call(x.to(proj.Weight.dtype)).flatten(2).transpose(1, 2).MoveToOuterDisposeScope();
    }
}
