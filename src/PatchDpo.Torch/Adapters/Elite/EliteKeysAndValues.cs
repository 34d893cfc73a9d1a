using PatchDpo.Torch.Diffusion.UNet;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>One mapper's key and value projection in every cross-attention layer of a UNet.</summary>
/// <remarks>
/// State-dict keys are <c>{name}_to_k.weight</c> and <c>{name}_to_v.weight</c>, with diffusers' name of the layer and underscores for its dots.
/// Computes in its weights' type and gives the tokens' type back, so that layers in training stay float32 inside a model of less precision.
/// </remarks>
internal sealed class EliteKeysAndValues : nn.Module
{
    private readonly Dictionary<int, (Linear Key, Linear Value)> _byIndex = [];

    public EliteKeysAndValues(IReadOnlyList<AttentionLayer> layers, Device? device, ScalarType? dtype) : base(nameof(EliteKeysAndValues))
    {
        foreach (AttentionLayer layer in layers)
        {
            string name = layer.Name.Replace('.', '_');
            _byIndex.Add(layer.Index, (Make("_to_k"), Make("_to_v")));

            Linear Make(string projection)
            {
                Linear linear = nn.Linear(layer.ContextChannels!.Value, layer.Channels, hasBias: false, device, dtype);
                register_module(name + projection, linear);
                return linear;
            }
        }
    }

    /// <summary>One of the weights, disposed with the others.</summary>
    public Tensor Anchor => _byIndex.First().Value.Key.weight!;

    /// <summary>Keys and values of tokens for a layer, of the tokens' type: <c>(B,N,Ctext) -> 2 x (B,N,C)</c>, in the current dispose scope.</summary>
    /// <exception cref="ArgumentException">There is no such layer.</exception>
    public (Tensor Key, Tensor Value) Project(int index, Tensor tokens)
    {
        if (!_byIndex.TryGetValue(index, out (Linear Key, Linear Value) layer))
            throw new ArgumentException($"The adapter has no layer {index}: it was made for another UNet.", nameof(index));
        Tensor input = tokens.to_type(layer.Key.weight!.dtype);
        return (layer.Key.call(input).to_type(tokens.dtype), layer.Value.call(input).to_type(tokens.dtype));
    }
}
