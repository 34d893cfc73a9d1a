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
    private readonly IReadOnlyList<AttentionLayer> _layers;
    private readonly Dictionary<int, IpAdapterLayer> _byIndex = [];

    /// <summary>Makes the layers for a UNet, with PyTorch's initial weights for linear layers.</summary>
    /// <param name="config">The configuration of the UNet that the adapter belongs to.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    /// <exception cref="ArgumentException">The configuration is not valid.</exception>
    public IpAdapterLayers(UNetConfig config, Device? device = null, ScalarType? dtype = null)
        : this(CrossAttentions(config), device, dtype)
    {
    }

    private IpAdapterLayers(IReadOnlyList<AttentionLayer> layers, Device? device, ScalarType? dtype)
        : base(TorchRuntime.Initialized(nameof(IpAdapterLayers)))
    {
        _layers = layers;
        foreach (AttentionLayer layer in layers)
        {
            var module = new IpAdapterLayer(layer.ContextChannels!.Value, layer.Channels, device, dtype);
            _byIndex.Add(layer.Index, module);
            register_module(layer.Index.ToString(System.Globalization.CultureInfo.InvariantCulture), module);
        }
    }

    /// <summary>The numbers of the layers, ascending.</summary>
    public IEnumerable<int> Indices => _layers.Select(l => l.Index);

    /// <inheritdoc/>
    public override IpAdapterLayers Clone(ScalarType? dtype = null)
    {
        using IDisposable noGrad = no_grad();
        Tensor first = _byIndex[_layers[0].Index].Anchor.AliveIn(this);
        var copy = new IpAdapterLayers(_layers, first.device, dtype ?? first.dtype);
        foreach ((TorchSharp.Modules.Parameter? target, TorchSharp.Modules.Parameter? source) in copy.parameters().Zip(parameters()))
        {
            target.copy_(source);
            target.requires_grad = source.requires_grad;
        }
        copy.train(training);
        return copy;
    }

    /// <inheritdoc/>
    internal override bool Fits(AdapterLayers other) => other is IpAdapterLayers layers && layers.Indices.SequenceEqual(Indices);

    /// <inheritdoc/>
    internal override IImagePromptBranch Branch(ImagePrompt prompt, BranchSettings settings)
        => new IpAttention(this, prompt[IpAdapterPromptEncoder.Tokens].to(settings.DType), settings.Scale);

    /// <summary>The image prompt's keys and values for one layer, of the tokens' type: <c>(B,N,Ccontext) -> 2 x (B,N,C)</c>.</summary>
    internal (Tensor Key, Tensor Value) KeyValue(int index, Tensor tokens)
    {
        if (!_byIndex.TryGetValue(index, out IpAdapterLayer? layer))
            throw new ArgumentException($"The adapter has no layer {index}: it was made for another UNet.", nameof(index));
        layer.Anchor.AliveIn(this);
        return layer.call(tokens);
    }

    private static List<AttentionLayer> CrossAttentions(UNetConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        return [.. config.AttentionLayers().Where(l => l.ContextChannels is not null)];
    }
}
