using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>Token and position embeddings. int64 <c>(B,T) -> (B,T,D)</c></summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPTextEmbeddings.</remarks>
internal sealed class ClipTextEmbeddings : Module<Tensor, Tensor>
{
    private readonly Embedding token_embedding;
    private readonly Embedding position_embedding;

    public ClipTextEmbeddings(ClipTextConfig config, Device? device, ScalarType? dtype) : base(nameof(ClipTextEmbeddings))
    {
        // TorchSharp's convolutions and embeddings leave a tensor behind when they are made.
        using DisposeScope scope = NewDisposeScope();
        token_embedding = Embedding(config.VocabularySize, config.HiddenSize, device: device, dtype: dtype);
        position_embedding = Embedding(config.MaxPositions, config.HiddenSize, device: device, dtype: dtype);
        RegisterComponents();
        this.DetachFromDisposeScope();
        ClipInit.Normal(token_embedding.weight!, ClipInit.EmbeddingStd);
        ClipInit.Normal(position_embedding.weight!, ClipInit.EmbeddingStd);
    }

    public override Tensor forward(Tensor ids) => Embed(ids, null);

    /// <summary>The same with words in the place of a token.</summary>
    public Tensor Embed(Tensor ids, WordInjection? injection)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = token_embedding.call(ids);
        return (injection?.Apply(tokens) ?? tokens).Plus(position_embedding.weight!.narrow(0, 0, ids.shape[1])).MoveToOuterDisposeScope();
    }
}
