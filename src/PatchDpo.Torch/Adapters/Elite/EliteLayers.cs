using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>
/// ELITE's part inside the UNet: in every cross-attention layer keys and values for the text, which take the place of the UNet's own, and for the
/// object's patches. PatchDPO trains those for the patches.
/// </summary>
/// <remarks>
/// State-dict keys are those of the two mappers behind <c>global.</c> and <c>local.</c>: <c>global.{name}_to_k.weight</c>, with diffusers' name of the
/// layer and underscores for its dots.
/// </remarks>
public sealed class EliteLayers : AdapterLayers
{
    private readonly IReadOnlyList<AttentionLayer> _layers;
    private readonly EliteKeysAndValues global, local;

    /// <summary>Makes the layers for a UNet, with PyTorch's initial weights for linear layers.</summary>
    /// <param name="config">The configuration of the UNet that they belong to.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    /// <exception cref="ArgumentException">The configuration is not valid.</exception>
    public EliteLayers(UNetConfig config, Device? device = null, ScalarType? dtype = null)
        : this(NumberedLayers<EliteKeysAndValues>.CrossAttentions(config), device, dtype)
    {
    }

    internal EliteLayers(IReadOnlyList<AttentionLayer> layers, Device? device, ScalarType? dtype) : base(TorchRuntime.Initialized(nameof(EliteLayers)))
    {
        _layers = layers;
        global = new EliteKeysAndValues(layers, device, dtype);
        local = new EliteKeysAndValues(layers, device, dtype);
        RegisterComponents();
    }

    /// <summary>Whether PatchDPO trains the text's keys and values too. Default: false, the object's patches' alone, as it trains an IP-Adapter.</summary>
    public bool TrainsGlobal { get; set; }

    /// <summary>Keys and values of the text.</summary>
    internal EliteKeysAndValues Global => global;

    /// <summary>Keys and values of the object's patches.</summary>
    internal EliteKeysAndValues Local => local;

    /// <inheritdoc/>
    internal override IEnumerable<Parameter> TrainedParameters => TrainsGlobal ? parameters() : local.parameters();

    /// <inheritdoc/>
    public override EliteLayers Clone(ScalarType? dtype = null)
    {
        Tensor first = global.Anchor.AliveIn(this);
        return NumberedLayers<EliteKeysAndValues>.Filled(
            new EliteLayers(_layers, first.device, dtype ?? first.dtype) { TrainsGlobal = TrainsGlobal }, this, dtype);
    }

    /// <inheritdoc/>
    internal override bool Fits(AdapterLayers other) => other is EliteLayers layers && layers._layers.SequenceEqual(_layers);

    /// <inheritdoc/>
    /// <remarks>Rows of the unconditional half have no placeholder, which keeps the local branch and its maximum in the other half.</remarks>
    internal override IImagePromptBranch Branch(ImagePrompt prompt, BranchSettings settings)
    {
        if (!prompt.Names.Contains(ElitePromptEncoder.Place))
            throw new ArgumentException(
                "The image prompts do not know where the placeholder stands in their prompts: give them to PersonalizedModel.Locate first.", nameof(prompt));
        return new EliteAttention(this, prompt[ElitePromptEncoder.Patches].to(settings.DType), prompt[ElitePromptEncoder.Place], settings.Scale);
    }
}
