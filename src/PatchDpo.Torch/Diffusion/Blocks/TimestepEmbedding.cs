using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>Two linear layers with SiLU (or the configured activation) between them: <c>(B,Cin) -> (B,T)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/embeddings.py, TimestepEmbedding.</remarks>
internal sealed class TimestepEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Linear linear_1;
    private readonly Linear linear_2;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Func<Tensor, Tensor>? _postActivation;

    public TimestepEmbedding(
        int inChannels, int timeChannels, string activation = "silu", string? postActivation = null,
        Device? device = null, ScalarType? dtype = null)
        : base(nameof(TimestepEmbedding))
    {
        linear_1 = nn.Linear(inChannels, timeChannels, device: device, dtype: dtype);
        linear_2 = nn.Linear(timeChannels, timeChannels, device: device, dtype: dtype);
        _activation = Activations.Get(activation);
        _postActivation = postActivation is null ? null : Activations.Get(postActivation);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = linear_2.call(_activation(linear_1.call(input)));
        return (_postActivation?.Invoke(x) ?? x).MoveToOuterDisposeScope();
    }
}
