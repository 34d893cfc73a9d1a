using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Vit;

/// <summary>What a DINO or DINOv2 state dict under facebookresearch's names tells of the model's shape.</summary>
/// <param name="ImageSize">Side of the square training images, in pixels.</param>
/// <param name="PatchSize">Side of a patch, in pixels.</param>
/// <param name="EmbedDim">Width of a token.</param>
/// <param name="Depth">How many blocks there are.</param>
/// <param name="NumHeads">How many attention heads a block has.</param>
/// <param name="IntermediateSize">Width of the hidden layer of a block's MLP.</param>
/// <param name="QkvBias">Whether queries, keys and values have a bias.</param>
internal sealed record VitShape(int ImageSize, int PatchSize, int EmbedDim, int Depth, int NumHeads, int IntermediateSize, bool QkvBias)
{
    /// <summary>Reads the shape.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape, or the published models' heads do not divide the width.</exception>
    public static VitShape FromWeights(ITensorSource state)
    {
        int dim = state.Dimensions("cls_token", 1, 1, null)[2];
        int patch = state.Dimensions("patch_embed.proj.weight", dim, 3, null, null)[2];
        int positions = state.Dimensions("pos_embed", 1, null, dim)[1];
        return new VitShape(
            ImageSize: state.GridSide("pos_embed", positions) * patch,
            PatchSize: patch,
            EmbedDim: dim,
            Depth: state.CountModules("blocks.{0}.norm1.weight"),
            NumHeads: state.Heads("cls_token", dim),
            IntermediateSize: state.Dimensions("blocks.0.mlp.fc1.weight", null, dim)[0],
            QkvBias: state.Keys.Contains("blocks.0.attn.qkv.bias"));
    }
}
