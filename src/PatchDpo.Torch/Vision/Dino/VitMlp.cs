using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>Two linear layers with the exact (erf) GELU between them. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: facebookresearch/dino <c>vision_transformer.py</c>, class Mlp.</remarks>
internal sealed class VitMlp : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;

    public VitMlp(int dim, int hidden, Device? device, ScalarType? dtype) : base(nameof(VitMlp))
    {
        fc1 = Linear(dim, hidden, true, device, dtype);
        fc2 = Linear(hidden, dim, true, device, dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return fc2.call(functional.gelu(fc1.call(x))).MoveToOuterDisposeScope();
    }
}
