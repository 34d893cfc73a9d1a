using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>The layers of a CLIP tower. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPEncoder.</remarks>
internal sealed class ClipTransformer : Module<Tensor, Tensor>
{
    private readonly ModuleList<ClipEncoderLayer> layers;

    public ClipTransformer(ClipTransformerConfig config, bool causal, Device? device, ScalarType? dtype) : base(nameof(ClipTransformer))
    {
        layers = ModuleList(Enumerable.Range(0, config.NumLayers).Select(_ => new ClipEncoderLayer(config, causal, device, dtype)).ToArray());
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return HiddenStates(x)[^1].MoveToOuterDisposeScope();
    }

    /// <summary>The input itself and the output of every layer, in the current dispose scope.</summary>
    public IReadOnlyList<Tensor> HiddenStates(Tensor x)
    {
        var states = new List<Tensor> { x };
        foreach (ClipEncoderLayer layer in layers)
            states.Add(x = layer.call(x));
        return states;
    }
}
