using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>CLIP's text tower up to the pooled state.</summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPTextTransformer.</remarks>
internal sealed class ClipTextTransformer : Module<Tensor, Tensor>
{
    private readonly ClipTextEmbeddings embeddings;
    private readonly ClipTransformer encoder;
    private readonly LayerNorm final_layer_norm;

    public ClipTextTransformer(ClipTextConfig config, Device? device, ScalarType? dtype) : base(nameof(ClipTextTransformer))
    {
        embeddings = new ClipTextEmbeddings(config, device, dtype);
        encoder = new ClipTransformer(config, causal: true, device, dtype);
        final_layer_norm = LayerNorm(config.HiddenSize, config.LayerNormEps, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <summary>A parameter, whose device is the tower's.</summary>
    public Tensor Anchor => final_layer_norm.weight!;

    /// <summary>The last hidden state after the final norm. int64 <c>(B,T) -> (B,T,D)</c></summary>
    public override Tensor forward(Tensor ids)
    {
        using DisposeScope scope = NewDisposeScope();
        return Normalize(HiddenStates(ids)[^1]).MoveToOuterDisposeScope();
    }

    /// <summary>The embeddings and the output of every layer, without the final norm, in the current dispose scope.</summary>
    /// <param name="ids">int64 <c>(B,T)</c>.</param>
    /// <param name="injection">Words in the place of a token; null for none.</param>
    public IReadOnlyList<Tensor> HiddenStates(Tensor ids, WordInjection? injection = null) => encoder.HiddenStates(embeddings.Embed(ids, injection));

    /// <summary>The final norm.</summary>
    public Tensor Normalize(Tensor state) => final_layer_norm.call(state);
}
