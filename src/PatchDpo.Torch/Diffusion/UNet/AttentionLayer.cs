namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>One attention layer of a UNet, as IP-Adapter files number them.</summary>
/// <param name="Index">The number: down blocks, up blocks, the middle block last.</param>
/// <param name="Channels">Width of the layer.</param>
/// <param name="ContextChannels">Width of the text's hidden states; null for self-attention.</param>
/// <param name="Name">The module's name in diffusers, such as <c>mid_block.attentions.0.transformer_blocks.0.attn2</c>.</param>
internal sealed record AttentionLayer(int Index, int Channels, int? ContextChannels, string Name);
