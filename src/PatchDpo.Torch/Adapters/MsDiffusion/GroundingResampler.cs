using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>
/// MS-Diffusion's image projection: latents that are made of a subject's name and box read the image encoder's penultimate hidden states,
/// <c>(R,N,InputChannels) -> (R,Tokens,OutputChannels)</c>.
/// </summary>
/// <remarks>MS-Diffusion, projection.py, Resampler in the mode "grounding"; its state-dict keys.</remarks>
internal sealed class GroundingResampler : nn.Module, IImageProjection
{
    private readonly Parameter grounding_latents;
    private readonly Sequential latent_proj;
    private readonly LayerNorm latent_norm;
    private readonly Linear proj_in;
    private readonly LayerNorm attention_norm;
    private readonly Linear proj_out;
    private readonly LayerNorm norm_out;
    private readonly ModuleList<ResamplerLayer> layers;

    /// <summary>Makes the model; latents without grounding start normally distributed with deviation Channels^-1/2.</summary>
    public GroundingResampler(GroundingResamplerOptions options, Device? device = null, ScalarType? dtype = null)
        : base(TorchRuntime.Initialized(nameof(GroundingResampler)))
    {
        Options = options;
        ResamplerOptions shape = options.Resampler;
        int width = shape.Channels;
        using (no_grad())
        {
            using Tensor drawn = randn([1, shape.Tokens, width], dtype, device);
            grounding_latents = new Parameter(drawn.DividedBy(Math.Sqrt(width)));
        }
        latent_proj = nn.Sequential(
            ("0", nn.Linear(options.PhraseChannels + FourierBoxes.Width, options.HiddenChannels, device: device, dtype: dtype)),
            ("1", nn.GELU()),
            ("2", nn.Linear(options.HiddenChannels, shape.Tokens * width, device: device, dtype: dtype)));
        latent_norm = nn.LayerNorm(width, device: device, dtype: dtype);
        proj_in = nn.Linear(shape.InputChannels, width, device: device, dtype: dtype);
        attention_norm = nn.LayerNorm(width, device: device, dtype: dtype);
        proj_out = nn.Linear(width, shape.OutputChannels, device: device, dtype: dtype);
        norm_out = nn.LayerNorm(shape.OutputChannels, device: device, dtype: dtype);
        layers = new ModuleList<ResamplerLayer>([.. Enumerable.Range(0, shape.Layers).Select(_ =>
            new ResamplerLayer(width, shape.Heads, shape.HeadChannels, shape.FeedForwardMultiple, device, dtype))]);
        RegisterComponents();
        this.DetachFromDisposeScope();
    }

    /// <summary>The model's shape.</summary>
    public GroundingResamplerOptions Options { get; }

    /// <summary>Projects subjects to image prompt tokens.</summary>
    /// <param name="features">Of each subject's image, <c>(R,N,InputChannels)</c>.</param>
    /// <param name="phrases">Of each subject's name, <c>(R,PhraseChannels)</c>.</param>
    /// <param name="boxes">In fractions of the picture, <c>(R,4)</c>: left, top, right, bottom.</param>
    /// <param name="dropped">Whose grounding is left out, R bools; null for nobody's.</param>
    /// <returns><c>(R,Tokens,OutputChannels)</c>, the caller's to dispose.</returns>
    public Tensor Project(Tensor features, Tensor phrases, Tensor boxes, Tensor? dropped = null)
    {
        grounding_latents.AliveIn(this);
        using DisposeScope scope = NewDisposeScope();
        Tensor grounding = cat([phrases, FourierBoxes.Of(boxes).to(phrases.dtype)], 1);
        Tensor tokens = latent_norm.call(latent_proj.call(grounding).unflatten(1, Options.Resampler.Tokens, Options.Resampler.Channels));
        if (dropped is not null)
            tokens = where(dropped.reshape(-1, 1, 1), grounding_latents, tokens);
        Tensor input = proj_in.call(features);
        foreach (ResamplerLayer layer in layers)
            tokens = layer.call(input, tokens);
        return norm_out.call(proj_out.call(attention_norm.call(tokens))).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    nn.Module IImageProjection.Copy(ScalarType? dtype)
        => new GroundingResampler(Options, grounding_latents.AliveIn(this).device, dtype ?? grounding_latents.dtype).FilledFrom(this);
}
