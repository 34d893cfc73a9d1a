using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>What a configuration or a state dict of DINO or DINOv2 tells of the model's shape.</summary>
/// <param name="ImageSize">Side of the square training images, in pixels.</param>
/// <param name="PatchSize">Side of a patch, in pixels.</param>
/// <param name="EmbedDim">Width of a token.</param>
/// <param name="Depth">How many blocks there are.</param>
/// <param name="NumHeads">How many attention heads a block has.</param>
/// <param name="IntermediateSize">Width of the hidden layer of a block's MLP.</param>
/// <param name="QkvBias">Whether queries, keys and values have a bias.</param>
internal sealed record VitShape(int ImageSize, int PatchSize, int EmbedDim, int Depth, int NumHeads, int IntermediateSize, bool QkvBias)
{
    /// <summary>Reads the fields that Hugging Face's <c>ViTConfig</c> and <c>Dinov2Config</c> share; the MLP is four times as wide as a token.</summary>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static VitShape FromJson(ModelConfig json)
    {
        int dim = json.GetPositive("hidden_size"), patch = json.GetSide("patch_size"), image = json.GetSide("image_size");
        json.GetChoice("hidden_act", "gelu", ("gelu", true));
        if (json.GetInt32("num_channels", 3) is not 3 and int channels)
            throw json.Fault("num_channels", $"expected 3, found {channels}.");
        if (image < patch)
            throw json.Fault("image_size", $"an image of {image} pixels is smaller than a patch of {patch}.");
        return new VitShape(
            ImageSize: image,
            PatchSize: patch,
            EmbedDim: dim,
            Depth: json.GetPositive("num_hidden_layers", max: ConfigFields.MaxLayers),
            NumHeads: json.GetHeads("num_attention_heads", dim),
            IntermediateSize: 4 * dim,
            QkvBias: json.GetBoolean("qkv_bias", true));
    }

    /// <summary>Reads a state dict under facebookresearch's names.</summary>
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
