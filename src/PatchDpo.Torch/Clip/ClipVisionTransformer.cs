using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>CLIP's vision tower up to the pooled state.</summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPVisionTransformer.</remarks>
internal sealed class ClipVisionTransformer : Module<Tensor, Tensor>
{
    private readonly ClipVisionEmbeddings embeddings;
    // The reference's own spelling, and so every checkpoint's.
    private readonly LayerNorm pre_layrnorm;
    private readonly ClipTransformer encoder;
    private readonly LayerNorm post_layernorm;

    public ClipVisionTransformer(ClipVisionConfig config, Device? device, ScalarType? dtype) : base(nameof(ClipVisionTransformer))
    {
        embeddings = new ClipVisionEmbeddings(config, device, dtype);
        pre_layrnorm = LayerNorm(config.HiddenSize, config.LayerNormEps, device: device, dtype: dtype);
        encoder = new ClipTransformer(config, causal: false, device, dtype);
        post_layernorm = LayerNorm(config.HiddenSize, config.LayerNormEps, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <summary>A parameter, whose device is the tower's.</summary>
    public Tensor Anchor => post_layernorm.weight!;

    /// <summary>The class token after the post norm. <c>(B,3,S,S) -> (B,D)</c></summary>
    public override Tensor forward(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        return Pool(HiddenStates(pixels)[^1]).MoveToOuterDisposeScope();
    }

    /// <summary>The embeddings after the first norm and the output of every layer, in the current dispose scope.</summary>
    public IReadOnlyList<Tensor> HiddenStates(Tensor pixels) => encoder.HiddenStates(pre_layrnorm.call(embeddings.call(pixels)));

    /// <summary>The class token of a state, normalised. <c>(B,N,D) -> (B,D)</c></summary>
    public Tensor Pool(Tensor state) => post_layernorm.call(state.select(1, 0));
}
