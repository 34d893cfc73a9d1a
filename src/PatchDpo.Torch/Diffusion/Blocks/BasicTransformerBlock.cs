using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>
/// Self-attention, cross-attention and feed-forward, each normalised before and added to its input: <c>(B,N,C), (B,T,Ctext), place? ->
/// (B,N,C)</c>.
/// </summary>
/// <remarks>diffusers 0.23.1, models/attention.py, BasicTransformerBlock; layer norms with eps 1e-5.</remarks>
internal sealed class BasicTransformerBlock : nn.Module<Tensor, Tensor, ImagePromptPlace?, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly Attention attn1;
    private readonly LayerNorm norm2;
    private readonly Attention attn2;
    private readonly LayerNorm norm3;
    private readonly FeedForward ff;

    public BasicTransformerBlock(int channels, int contextChannels, int heads, bool upcast = false, Device? device = null, ScalarType? dtype = null)
        : base(nameof(BasicTransformerBlock))
    {
        norm1 = nn.LayerNorm(channels, device: device, dtype: dtype);
        attn1 = new Attention(channels, null, heads, upcast, device, dtype);
        norm2 = nn.LayerNorm(channels, device: device, dtype: dtype);
        attn2 = new Attention(channels, contextChannels, heads, upcast, device, dtype);
        norm3 = nn.LayerNorm(channels, device: device, dtype: dtype);
        ff = new FeedForward(channels, device, dtype);
        RegisterComponents();
    }

    /// <summary>Attention over the tokens themselves.</summary>
    public Attention SelfAttention => attn1;

    /// <summary>Attention over the text, and over the image prompt where there is one.</summary>
    public Attention CrossAttention => attn2;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor context, ImagePromptPlace? place)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = input.Plus(attn1.call(norm1.call(input), null, null));
        x = x.Plus(attn2.call(norm2.call(x), context, place));
        return x.Plus(ff.call(norm3.call(x))).MoveToOuterDisposeScope();
    }
}
