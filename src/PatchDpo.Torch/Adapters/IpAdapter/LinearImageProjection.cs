using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>The plain IP-Adapter's image projection: one image embedding to a few tokens: <c>(B,InputChannels) -> (B,Tokens,OutputChannels)</c>.</summary>
/// <remarks>IP-Adapter, ip_adapter.py, ImageProjModel; keys <c>proj</c> and <c>norm</c>.</remarks>
public sealed class LinearImageProjection : nn.Module<Tensor, Tensor>, IImageProjection
{
    private readonly Linear proj;
    private readonly LayerNorm norm;
    private readonly int _tokens;

    /// <summary>Makes the projection.</summary>
    /// <param name="inputChannels">Width of the image embedding (1024: ViT-H; 1280: ViT-bigG).</param>
    /// <param name="outputChannels">Width of the tokens: the UNet's cross-attention width.</param>
    /// <param name="tokens">Number of tokens; 4 in the official adapters.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    public LinearImageProjection(int inputChannels, int outputChannels, int tokens = 4, Device? device = null, ScalarType? dtype = null)
        : base(TorchRuntime.Initialized(nameof(LinearImageProjection)))
    {
        (_tokens, InputChannels) = (tokens, inputChannels);
        proj = nn.Linear(inputChannels, tokens * outputChannels, device: device, dtype: dtype);
        norm = nn.LayerNorm(outputChannels, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <summary>Width of the image embedding.</summary>
    public int InputChannels { get; }

    /// <summary>Projects image embeddings to image prompt tokens.</summary>
    /// <param name="embeddings"><c>(B,InputChannels)</c></param>
    /// <returns><c>(B,Tokens,OutputChannels)</c>, the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">The embeddings have another shape.</exception>
    public override Tensor forward(Tensor embeddings)
    {
        proj.weight!.AliveIn(this);
        ArgumentNullException.ThrowIfNull(embeddings);
        if (embeddings.dim() != 2 || embeddings.shape[1] != InputChannels)
            throw new ArgumentException($"The embeddings are ({string.Join(',', embeddings.shape)}); (B,{InputChannels}) is expected.", nameof(embeddings));
        using DisposeScope scope = NewDisposeScope();
        return norm.call(proj.call(embeddings).unflatten(1, _tokens, -1)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    nn.Module IImageProjection.Copy(ScalarType? dtype)
    {
        Tensor weight = proj.weight!.AliveIn(this);
        return new LinearImageProjection(InputChannels, (int)norm.weight!.shape[0], _tokens, weight.device, dtype ?? weight.dtype).FilledFrom(this);
    }
}
