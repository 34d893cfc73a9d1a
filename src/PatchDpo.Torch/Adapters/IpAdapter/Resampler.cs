using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>
/// IP-Adapter-Plus's image projection: learned latents read the image encoder's penultimate hidden states:
/// <c>(B,N,InputChannels) -> (B,Tokens,OutputChannels)</c>.
/// </summary>
/// <remarks>IP-Adapter, resampler.py; the state dict is the official one (<c>latents</c>, <c>proj_in</c>, <c>layers.i.0</c>, ...).</remarks>
public sealed class Resampler : nn.Module<Tensor, Tensor>, IImageProjection
{
    private readonly Parameter latents;
    private readonly Linear proj_in;
    private readonly Linear proj_out;
    private readonly LayerNorm norm_out;
    private readonly ModuleList<ResamplerLayer> layers;

    /// <summary>Makes the model; latents start normally distributed with deviation Channels^-1/2.</summary>
    /// <param name="options">Its shape.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    public Resampler(ResamplerOptions options, Device? device = null, ScalarType? dtype = null)
        : base(TorchRuntime.Initialized(nameof(Resampler)))
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        int width = options.Channels;
        using (no_grad())
        {
            using Tensor drawn = randn([1, options.Tokens, width], dtype, device);
            latents = new Parameter(drawn.DividedBy(Math.Sqrt(width)));
        }
        proj_in = nn.Linear(options.InputChannels, width, device: device, dtype: dtype);
        proj_out = nn.Linear(width, options.OutputChannels, device: device, dtype: dtype);
        norm_out = nn.LayerNorm(options.OutputChannels, device: device, dtype: dtype);
        layers = new ModuleList<ResamplerLayer>([.. Enumerable.Range(0, options.Layers).Select(_ =>
            new ResamplerLayer(width, options.Heads, options.HeadChannels, options.FeedForwardMultiple, device, dtype))]);
        RegisterComponents();
        this.DetachFromDisposeScope();
    }

    /// <summary>The model's shape.</summary>
    public ResamplerOptions Options { get; }

    /// <summary>Projects image features to image prompt tokens.</summary>
    /// <param name="features"><c>(B,N,InputChannels)</c></param>
    /// <returns><c>(B,Tokens,OutputChannels)</c>, the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">The features have another shape.</exception>
    public override Tensor forward(Tensor features)
    {
        latents.AliveIn(this);
        ArgumentNullException.ThrowIfNull(features);
        if (features.dim() != 3 || features.shape[2] != Options.InputChannels)
            throw new ArgumentException($"The features are ({string.Join(',', features.shape)}); (B,N,{Options.InputChannels}) is expected.", nameof(features));
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = latents.expand(features.shape[0], -1, -1);
        Tensor input = proj_in.call(features);
        foreach (ResamplerLayer layer in layers)
            tokens = layer.call(input, tokens);
        return norm_out.call(proj_out.call(tokens)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    nn.Module IImageProjection.Copy(ScalarType? dtype)
        => new Resampler(Options, latents.AliveIn(this).device, dtype ?? latents.dtype).FilledFrom(this);
}
