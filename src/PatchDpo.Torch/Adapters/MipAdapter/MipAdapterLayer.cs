using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MipAdapter;

/// <summary>
/// The image prompt's key and value projection for one cross-attention layer, <c>(B,N,Ccontext) -> 2 x (B,N,C)</c>, and its gate, a weight for each cell of
/// the picture.
/// </summary>
/// <remarks>Computes in its weights' type and gives the input's type back, so that layers in training stay float32 inside a model of less precision.</remarks>
internal sealed class MipAdapterLayer : nn.Module<Tensor, (Tensor Key, Tensor Value)>
{
    private const string GateKey = ".text_to_weight.weight";

    private readonly Linear to_k_ip;
    private readonly Linear to_v_ip;
    private readonly Linear text_to_weight;

    public MipAdapterLayer(int contextChannels, int channels, Device? device, ScalarType? dtype)
        : base(nameof(MipAdapterLayer))
    {
        to_k_ip = nn.Linear(contextChannels, channels, hasBias: false, device, dtype);
        to_v_ip = nn.Linear(contextChannels, channels, hasBias: false, device, dtype);
        text_to_weight = nn.Linear(channels, 1, hasBias: false, device, dtype);
        RegisterComponents();
    }

    /// <summary>One of the weights, disposed with the others.</summary>
    public Tensor Anchor => to_k_ip.weight!;

    /// <summary>Whether a file has the gates that a plain IP-Adapter lacks.</summary>
    public static bool HasGates(ITensorFile file) => file.Keys.Any(k => k.EndsWith(GateKey, StringComparison.Ordinal));

    /// <inheritdoc/>
    public override (Tensor Key, Tensor Value) forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor input = tokens.to_type(to_k_ip.weight.dtype);
        return (to_k_ip.call(input).to_type(tokens.dtype).MoveToOuterDisposeScope(), to_v_ip.call(input).to_type(tokens.dtype).MoveToOuterDisposeScope());
    }

    /// <summary>The gate: how much each cell takes of the image prompt, 1 on average. <c>(B,P,C) -> (B,P,1)</c></summary>
    /// <param name="text">What the layer attends to in the text, before its output projection.</param>
    public Tensor Gate(Tensor text)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor opening = Opening(text);
        return opening.DividedBy(opening.mean([1], keepdim: true)).to_type(text.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>The gate before it is divided by its mean over the cells, 0 to 1: <c>(B,P,C) -> (B,P,1)</c>, of the weights' type.</summary>
    internal Tensor Opening(Tensor text)
    {
        using DisposeScope scope = NewDisposeScope();
        return text_to_weight.call(text.to_type(text_to_weight.weight!.dtype)).sigmoid().MoveToOuterDisposeScope();
    }

    /// <summary>Draws the gate's weight anew, as PyTorch does for a linear layer: uniform in ±1/sqrt(C).</summary>
    public void StartGate(ulong seed)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(seed, CPU);
        Tensor weight = text_to_weight.weight!;
        Tensor drawn = rand(weight.shape, dtype: ScalarType.Float32, generator: generator);
        weight.copy_(drawn.Times(2).Minus(1).DividedBy(Math.Sqrt(weight.shape[1])));
    }
}
