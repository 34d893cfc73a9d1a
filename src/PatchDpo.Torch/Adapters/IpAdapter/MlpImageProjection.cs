using PatchDpo.Torch.Foundation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>The full-token IP-Adapter's image projection, one token for each of the encoder's: <c>(B,N,InputChannels) -> (B,N,OutputChannels)</c>.</summary>
/// <remarks>IP-Adapter, ip_adapter.py, MLPProjModel; keys <c>proj.0</c>, <c>proj.2</c> and <c>proj.3</c>.</remarks>
public sealed class MlpImageProjection : nn.Module<Tensor, Tensor>, IImageProjection
{
    private readonly Sequential proj;
    private readonly Linear _first;
    private readonly int _outputChannels;

    /// <summary>Makes the projection.</summary>
    /// <param name="inputChannels">Width of the image encoder's hidden states.</param>
    /// <param name="outputChannels">Width of the tokens: the UNet's cross-attention width.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    public MlpImageProjection(int inputChannels, int outputChannels, Device? device = null, ScalarType? dtype = null)
        : base(TorchRuntime.Initialized(nameof(MlpImageProjection)))
    {
        (InputChannels, _outputChannels) = (inputChannels, outputChannels);
        proj = nn.Sequential(
            ("0", nn.Linear(inputChannels, inputChannels, device: device, dtype: dtype)),
            ("1", nn.GELU()),
            ("2", nn.Linear(inputChannels, outputChannels, device: device, dtype: dtype)),
            ("3", nn.LayerNorm(outputChannels, device: device, dtype: dtype)));
        RegisterComponents();
        // After it: this is no component of its own.
        _first = (Linear)proj.children().First();
    }

    /// <summary>Width of the image encoder's hidden states.</summary>
    public int InputChannels { get; }

    /// <summary>Projects image features to image prompt tokens.</summary>
    /// <param name="features"><c>(B,N,InputChannels)</c></param>
    /// <returns><c>(B,N,OutputChannels)</c>, the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">The features have another shape.</exception>
    public override Tensor forward(Tensor features)
    {
        _first.weight!.AliveIn(this);
        ArgumentNullException.ThrowIfNull(features);
        if (features.dim() != 3 || features.shape[2] != InputChannels)
            throw new ArgumentException($"The features are ({string.Join(',', features.shape)}); (B,N,{InputChannels}) is expected.", nameof(features));
        return proj.call(features);
    }

    /// <inheritdoc/>
    nn.Module IImageProjection.Copy(ScalarType? dtype)
    {
        Tensor weight = _first.weight!.AliveIn(this);
        return new MlpImageProjection(InputChannels, _outputChannels, weight.device, dtype ?? weight.dtype).FilledFrom(this);
    }
}
