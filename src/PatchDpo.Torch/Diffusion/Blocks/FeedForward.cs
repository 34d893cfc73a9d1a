using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>The transformer block's feed-forward branch, four times as wide inside: <c>(B,N,C) -> (B,N,C)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/attention.py, FeedForward with geglu; net.1 is its dropout of 0, which has no weights.</remarks>
internal sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> net;

    public FeedForward(int channels, Device? device = null, ScalarType? dtype = null)
        : base(nameof(FeedForward))
    {
        net = new ModuleList<nn.Module<Tensor, Tensor>>(
            new GeGlu(channels, channels * 4, device, dtype),
            nn.Identity(),
            nn.Linear(channels * 4, channels, device: device, dtype: dtype));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using Tensor gated = net[0].call(input);
        return net[2].call(gated);
    }
}
