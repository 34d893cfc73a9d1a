using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>Two linear layers with an activation between them. <c>(B,N,D) -> (B,N,D)</c></summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPMLP.</remarks>
internal sealed class ClipMlp : Module<Tensor, Tensor>
{
    private readonly ClipActivation _activation;
    private readonly Linear fc1;
    private readonly Linear fc2;

    public ClipMlp(ClipTransformerConfig config, Device? device, ScalarType? dtype) : base(nameof(ClipMlp))
    {
        _activation = config.Activation;
        fc1 = Linear(config.HiddenSize, config.IntermediateSize, true, device, dtype);
        fc2 = Linear(config.IntermediateSize, config.HiddenSize, true, device, dtype);
        RegisterComponents();
        ClipInit.Normal(fc1, Math.Pow(2 * config.HiddenSize, -0.5));
        ClipInit.Normal(fc2, Math.Pow(config.HiddenSize, -0.5) * Math.Pow(2 * config.NumLayers, -0.5));
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return fc2.call(Activate(fc1.call(x))).MoveToOuterDisposeScope();
    }

    private Tensor Activate(Tensor x) => _activation switch
    {
        ClipActivation.QuickGelu => x * x.Times(1.702).sigmoid(),
        ClipActivation.Gelu => functional.gelu(x),
        _ => throw new InvalidOperationException($"The activation {_activation} is unknown."),
    };
}
