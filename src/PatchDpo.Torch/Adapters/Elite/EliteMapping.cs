using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>From one kind of image tokens to the text's width: <c>(...,D) -> (...,C)</c>.</summary>
/// <remarks>ELITE, train_global.py, Mapper: two linear layers, each with layer norm (eps 1e-5) and leaky ReLU (0.01) behind it, and a third.</remarks>
internal sealed class EliteMapping : nn.Module<Tensor, Tensor>
{
    private const double Slope = 0.01;

    private readonly Linear[] _linear;
    private readonly LayerNorm[] _norms;

    public EliteMapping(int inputChannels, int hidden, int outputChannels, Device? device, ScalarType? dtype) : base(nameof(EliteMapping))
    {
        _linear = [Linear(inputChannels, hidden), Linear(hidden, hidden), Linear(hidden, outputChannels)];
        _norms = [Norm(), Norm()];
        // The places in the reference's nn.Sequential that hold weights.
        register_module("0", _linear[0]);
        register_module("1", _norms[0]);
        register_module("3", _linear[1]);
        register_module("4", _norms[1]);
        register_module("6", _linear[2]);

        Linear Linear(int from, int to) => nn.Linear(from, to, device: device, dtype: dtype);

        LayerNorm Norm() => nn.LayerNorm(hidden, device: device, dtype: dtype);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = tokens;
        for (int i = 0; i < _norms.Length; i++)
            x = _norms[i].call(_linear[i].call(x)).LeakyRelu(Slope);
        return _linear[^1].call(x).MoveToOuterDisposeScope();
    }
}
