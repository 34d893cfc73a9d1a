using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>The image prompt's key and value projection for one cross-attention layer: <c>(B,N,Ccontext) -> 2 x (B,N,C)</c>.</summary>
/// <remarks>Computes in its weights' type and gives the tokens' type back, so that layers in training stay float32 inside a model of less precision.</remarks>
internal sealed class IpAdapterLayer : nn.Module<Tensor, (Tensor Key, Tensor Value)>
{
    private readonly Linear to_k_ip;
    private readonly Linear to_v_ip;

    public IpAdapterLayer(int contextChannels, int channels, Device? device, ScalarType? dtype)
        : base(nameof(IpAdapterLayer))
    {
        to_k_ip = nn.Linear(contextChannels, channels, hasBias: false, device, dtype);
        to_v_ip = nn.Linear(contextChannels, channels, hasBias: false, device, dtype);
        RegisterComponents();
    }

    /// <summary>One of the weights, disposed with the other.</summary>
    public Tensor Anchor => to_k_ip.weight!;

    /// <inheritdoc/>
    public override (Tensor Key, Tensor Value) forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor input = tokens.to_type(to_k_ip.weight.dtype);
        return (to_k_ip.call(input).to_type(tokens.dtype).MoveToOuterDisposeScope(), to_v_ip.call(input).to_type(tokens.dtype).MoveToOuterDisposeScope());
    }
}
