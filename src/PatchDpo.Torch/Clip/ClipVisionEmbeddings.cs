using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>Class token, patches and positions. <c>(B,3,S,S) -> (B,1+g*g,D)</c></summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPVisionEmbeddings.</remarks>
internal sealed class ClipVisionEmbeddings : Module<Tensor, Tensor>
{
    private readonly Parameter class_embedding;
    private readonly SafeConv2d patch_embedding;
    private readonly Embedding position_embedding;

    public ClipVisionEmbeddings(ClipVisionConfig config, Device? device, ScalarType? dtype) : base(nameof(ClipVisionEmbeddings))
    {
        // TorchSharp's convolutions and embeddings leave a tensor behind when they are made.
        using DisposeScope scope = NewDisposeScope();
        class_embedding = new Parameter(empty([config.HiddenSize], dtype, device));
        patch_embedding = new SafeConv2d(3, config.HiddenSize, config.PatchSize, config.PatchSize, bias: false, device: device, dtype: dtype);
        position_embedding = Embedding(1 + (config.GridSize * config.GridSize), config.HiddenSize, device: device, dtype: dtype);
        RegisterComponents();
        this.DetachFromDisposeScope();
        ClipInit.Normal(class_embedding, Math.Pow(config.HiddenSize, -0.5));
        ClipInit.Normal(patch_embedding.Weight, ClipInit.EmbeddingStd);
        ClipInit.Normal(position_embedding.weight!, ClipInit.EmbeddingStd);
    }

    public override Tensor forward(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = Patches(pixels).flatten(2).transpose(1, 2);
        Tensor tokens = cat([class_embedding.expand(pixels.shape[0], 1, -1), patches], 1);
        return tokens.Plus(position_embedding.weight!).MoveToOuterDisposeScope();
    }

    /// <summary>The projected patches alone. <c>(B,3,S,S) -> (B,D,g,g)</c></summary>
    public Tensor Patches(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        return patch_embedding.call(pixels.to(patch_embedding.Weight.dtype)).MoveToOuterDisposeScope();
    }
}
