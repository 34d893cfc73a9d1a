using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>An MS-Diffusion adapter's keys and values in every cross-attention layer, which PatchDPO trains; state-dict keys are IP-Adapter's.</summary>
internal sealed class MsDiffusionLayers : AdapterLayers
{
    private readonly NumberedLayers<IpAdapterLayer> _layers;

    /// <summary>Makes the layers for a UNet, with PyTorch's initial weights for linear layers.</summary>
    public MsDiffusionLayers(UNetConfig config, Device? device = null, ScalarType? dtype = null)
        : this(NumberedLayers<IpAdapterLayer>.CrossAttentions(config), device, dtype)
    {
    }

    private MsDiffusionLayers(IReadOnlyList<AttentionLayer> places, Device? device, ScalarType? dtype)
        : base(TorchRuntime.Initialized(nameof(MsDiffusionLayers)))
        => _layers = new(this, places, place => new IpAdapterLayer(place.ContextChannels!.Value, place.Channels, device, dtype));

    /// <inheritdoc/>
    public override MsDiffusionLayers Clone(ScalarType? dtype = null)
    {
        Tensor first = _layers.First.Anchor.AliveIn(this);
        return NumberedLayers<IpAdapterLayer>.Filled(new MsDiffusionLayers(_layers.Places, first.device, dtype ?? first.dtype), this, dtype);
    }

    /// <inheritdoc/>
    internal override bool Fits(AdapterLayers other) => other is MsDiffusionLayers layers && layers._layers.Indices.SequenceEqual(_layers.Indices);

    /// <inheritdoc/>
    internal override IImagePromptBranch Branch(ImagePrompt prompt, BranchSettings settings) => new MsDiffusionAttention(this, prompt, settings);

    /// <summary>The image prompt's keys and values for one layer, of the tokens' type: <c>(B,N,Ccontext) -> 2 x (B,N,C)</c>.</summary>
    internal (Tensor Key, Tensor Value) KeyValue(int index, Tensor tokens)
    {
        IpAdapterLayer layer = _layers[index];
        layer.Anchor.AliveIn(this);
        return layer.call(tokens);
    }
}
