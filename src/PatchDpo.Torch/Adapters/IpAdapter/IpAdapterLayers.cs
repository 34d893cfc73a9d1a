using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>
/// An IP-Adapter's trained part inside the UNet: a key and a value projection for the image prompt in every cross-attention
/// layer. It is what PatchDPO trains.
/// </summary>
/// <remarks>
/// State-dict keys are <c>{i}.to_k_ip.weight</c> and <c>{i}.to_v_ip.weight</c>, where i counts the UNet's attention layers as
/// IP-Adapter does: down blocks, up blocks, the middle block last, self- and cross-attention alternating, so that i is odd.
/// </remarks>
public sealed class IpAdapterLayers : AdapterLayers
{
    private readonly NumberedLayers<IpAdapterLayer> _layers;

    /// <summary>Makes the layers for a UNet, with PyTorch's initial weights for linear layers.</summary>
    /// <param name="config">The configuration of the UNet that the adapter belongs to.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    /// <exception cref="ArgumentException">The configuration is not valid.</exception>
    public IpAdapterLayers(UNetConfig config, Device? device = null, ScalarType? dtype = null)
        : this(NumberedLayers<IpAdapterLayer>.CrossAttentions(config), device, dtype)
    {
    }

    private IpAdapterLayers(IReadOnlyList<AttentionLayer> places, Device? device, ScalarType? dtype)
        : base(TorchRuntime.Initialized(nameof(IpAdapterLayers)))
        => _layers = new(this, places, place => new IpAdapterLayer(place.ContextChannels!.Value, place.Channels, device, dtype));

    /// <summary>The numbers of the layers, ascending.</summary>
    public IEnumerable<int> Indices => _layers.Indices;

    /// <inheritdoc/>
    public override IpAdapterLayers Clone(ScalarType? dtype = null)
    {
        Tensor first = _layers.First.Anchor.AliveIn(this);
        return NumberedLayers<IpAdapterLayer>.Filled(new IpAdapterLayers(_layers.Places, first.device, dtype ?? first.dtype), this, dtype);
    }

    /// <inheritdoc/>
    internal override bool Fits(AdapterLayers other) => other is IpAdapterLayers layers && layers.Indices.SequenceEqual(Indices);

    /// <inheritdoc/>
    internal override IImagePromptBranch Branch(ImagePrompt prompt, BranchSettings settings)
        => new IpAttention(this, prompt[IpAdapterPromptEncoder.Tokens].to(settings.DType), settings.Scale);

    /// <summary>The image prompt's keys and values for one layer, of the tokens' type: <c>(B,N,Ccontext) -> 2 x (B,N,C)</c>.</summary>
    internal (Tensor Key, Tensor Value) KeyValue(int index, Tensor tokens)
    {
        IpAdapterLayer layer = _layers[index];
        layer.Anchor.AliveIn(this);
        return layer.call(tokens);
    }
}
