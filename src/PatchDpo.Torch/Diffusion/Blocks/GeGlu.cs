using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>A linear layer whose one half gates the other through the exact gelu: <c>(B,N,Cin) -> (B,N,Cout)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/activations.py, GEGLU.</remarks>
internal sealed class GeGlu : nn.Module<Tensor, Tensor>
{
    private readonly Linear proj;

    public GeGlu(int inChannels, int outChannels, Device? device = null, ScalarType? dtype = null)
        : base(nameof(GeGlu))
    {
        proj = nn.Linear(inChannels, outChannels * 2, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] halves = proj.call(input).chunk(2, -1);
        return (halves[0] * nn.functional.gelu(halves[1])).MoveToOuterDisposeScope();
    }
}
