using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MipAdapter;

/// <summary>A MIP-Adapter's trained part inside the UNet: keys, values and a gate in every cross-attention layer, all of which PatchDPO trains.</summary>
/// <remarks>State-dict keys are IP-Adapter's and <c>{i}.text_to_weight.weight</c>.</remarks>
internal sealed class MipAdapterLayers : AdapterLayers
{
    // A gate is drawn where the file has none: the same one each time, another one for each layer.
    private const long GateSeed = 20_240_917;

    private readonly NumberedLayers<MipAdapterLayer> _layers;

    /// <summary>Makes the layers for a UNet, with PyTorch's initial weights for linear layers.</summary>
    public MipAdapterLayers(UNetConfig config, Device? device = null, ScalarType? dtype = null)
        : this(NumberedLayers<MipAdapterLayer>.CrossAttentions(config), device, dtype)
    {
    }

    private MipAdapterLayers(IReadOnlyList<AttentionLayer> places, Device? device, ScalarType? dtype)
        : base(TorchRuntime.Initialized(nameof(MipAdapterLayers)))
        => _layers = new(this, places, place => new MipAdapterLayer(place.ContextChannels!.Value, place.Channels, device, dtype));

    /// <summary>The layer of a number.</summary>
    public MipAdapterLayer this[int index]
    {
        get
        {
            MipAdapterLayer layer = _layers[index];
            layer.Anchor.AliveIn(this);
            return layer;
        }
    }

    /// <summary>Layers that start from a plain IP-Adapter's: its keys and values, and gates with PyTorch's initial weights.</summary>
    public static MipAdapterLayers StartFrom(IpAdapterLayers plain, UNetConfig config, Device device)
    {
        var layers = new MipAdapterLayers(config, device, ScalarType.Float32);
        using IDisposable noGrad = no_grad();
        Dictionary<string, Parameter> targets = layers.named_parameters().ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
        foreach ((string name, Parameter source) in plain.named_parameters())
            targets[name].copy_(source);
        foreach (int index in layers._layers.Indices)
            layers._layers[index].StartGate(SeedMix.Mix(GateSeed, index));
        layers.eval();
        return layers;
    }

    /// <inheritdoc/>
    public override MipAdapterLayers Clone(ScalarType? dtype = null)
    {
        Tensor first = _layers.First.Anchor.AliveIn(this);
        return NumberedLayers<MipAdapterLayer>.Filled(new MipAdapterLayers(_layers.Places, first.device, dtype ?? first.dtype), this, dtype);
    }

    /// <inheritdoc/>
    internal override bool Fits(AdapterLayers other) => other is MipAdapterLayers layers && layers._layers.Indices.SequenceEqual(_layers.Indices);

    /// <inheritdoc/>
    internal override IImagePromptBranch Branch(ImagePrompt prompt, BranchSettings settings) => new MipAttention(this, prompt, settings);
}
