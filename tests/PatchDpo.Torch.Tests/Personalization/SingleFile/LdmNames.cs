namespace PatchDpo.Torch.Tests.Personalization.SingleFile;

/// <summary>Names and shapes of a model's tensors as the latent-diffusion code makes them: its constructors, followed step by step.</summary>
/// <remarks>Source of the facts: CompVis/latent-diffusion, openaimodel.py (UNetModel), model.py (Encoder, Decoder); open_clip, transformer.py.</remarks>
internal sealed class LdmNames
{
    private readonly string _prefix;

    private LdmNames(string prefix) => _prefix = prefix;

    public Dictionary<string, long[]> Shapes { get; } = new(StringComparer.Ordinal);

    public static Dictionary<string, long[]> UNet(string prefix, int[] multiples, int[] depths, int context, bool linear, int? labels)
    {
        const int Width = 320, Blocks = 2;
        var names = new LdmNames(prefix);
        int embedding = 4 * Width, channels = Width, entry = 1;
        names.Linear("time_embed.0", Width, embedding);
        names.Linear("time_embed.2", embedding, embedding);
        if (labels is int inputs)
        {
            names.Linear("label_emb.0.0", inputs, embedding);
            names.Linear("label_emb.0.2", embedding, embedding);
        }
        names.Conv("input_blocks.0.0", 4, Width, 3);
        Stack<int> skips = new([Width]);
        for (int level = 0; level < multiples.Length; level++)
        {
            for (int i = 0; i < Blocks; i++, entry++)
            {
                names.ResBlock($"input_blocks.{entry}.0", channels, channels = Width * multiples[level], embedding);
                names.Transformer($"input_blocks.{entry}.1", channels, depths[level], context, linear);
                skips.Push(channels);
            }
            if (level + 1 == multiples.Length)
                continue;
            names.Conv($"input_blocks.{entry++}.0.op", channels, channels, 3);
            skips.Push(channels);
        }
        names.ResBlock("middle_block.0", channels, channels, embedding);
        names.Transformer("middle_block.1", channels, Math.Max(1, depths[^1]), context, linear);
        names.ResBlock("middle_block.2", channels, channels, embedding);
        entry = 0;
        for (int level = multiples.Length - 1; level >= 0; level--)
        {
            for (int i = 0; i <= Blocks; i++, entry++)
            {
                names.ResBlock($"output_blocks.{entry}.0", channels + skips.Pop(), channels = Width * multiples[level], embedding);
                names.Transformer($"output_blocks.{entry}.1", channels, depths[level], context, linear);
                if (level > 0 && i == Blocks)
                    names.Conv($"output_blocks.{entry}.{(depths[level] > 0 ? 2 : 1)}.conv", channels, channels, 3);
            }
        }
        names.Norm("out.0", channels);
        names.Conv("out.2", channels, 4, 3);
        return names.Shapes;
    }

    public static Dictionary<string, long[]> Autoencoder(string prefix)
    {
        int[] widths = [128, 256, 512, 512];
        var names = new LdmNames(prefix);
        int channels = widths[0];
        names.Conv("encoder.conv_in", 3, channels, 3);
        for (int level = 0; level < widths.Length; level++)
        {
            for (int i = 0; i < 2; i++)
                names.VaeBlock($"encoder.down.{level}.block.{i}", channels, channels = widths[level]);
            if (level + 1 < widths.Length)
                names.Conv($"encoder.down.{level}.downsample.conv", channels, channels, 3);
        }
        names.VaeMiddle("encoder", channels);
        names.Norm("encoder.norm_out", channels);
        names.Conv("encoder.conv_out", channels, 8, 3);
        names.Conv("quant_conv", 8, 8, 1);
        names.Conv("post_quant_conv", 4, 4, 1);
        names.Conv("decoder.conv_in", 4, channels, 3);
        names.VaeMiddle("decoder", channels);
        for (int level = widths.Length - 1; level >= 0; level--)
        {
            for (int i = 0; i < 3; i++)
                names.VaeBlock($"decoder.up.{level}.block.{i}", channels, channels = widths[level]);
            if (level > 0)
                names.Conv($"decoder.up.{level}.upsample.conv", channels, channels, 3);
        }
        names.Norm("decoder.norm_out", channels);
        names.Conv("decoder.conv_out", channels, 3, 3);
        return names.Shapes;
    }

    public static Dictionary<string, long[]> OpenClipText(string prefix, int width, int layers)
    {
        var names = new LdmNames(prefix);
        names.Add("positional_embedding", 77, width);
        names.Add("text_projection", width, width);
        names.Add("logit_scale");
        names.Add("token_embedding.weight", 49408, width);
        for (int i = 0; i < layers; i++)
        {
            string block = $"transformer.resblocks.{i}.";
            names.Norm(block + "ln_1", width);
            names.Add(block + "attn.in_proj_weight", 3 * width, width);
            names.Add(block + "attn.in_proj_bias", 3 * width);
            names.Linear(block + "attn.out_proj", width, width);
            names.Norm(block + "ln_2", width);
            names.Linear(block + "mlp.c_fc", width, 4 * width);
            names.Linear(block + "mlp.c_proj", 4 * width, width);
        }
        names.Norm("ln_final", width);
        return names.Shapes;
    }

    private void ResBlock(string name, int from, int to, int embedding)
    {
        Norm(name + ".in_layers.0", from);
        Conv(name + ".in_layers.2", from, to, 3);
        Linear(name + ".emb_layers.1", embedding, to);
        Norm(name + ".out_layers.0", to);
        Conv(name + ".out_layers.3", to, to, 3);
        if (from != to)
            Conv(name + ".skip_connection", from, to, 1);
    }

    private void Transformer(string name, int width, int depth, int context, bool linear)
    {
        if (depth == 0)
            return;
        Norm(name + ".norm", width);
        foreach (string projection in new[] { ".proj_in", ".proj_out" })
        {
            if (linear)
                Linear(name + projection, width, width);
            else
                Conv(name + projection, width, width, 1);
        }
        for (int i = 0; i < depth; i++)
        {
            string block = $"{name}.transformer_blocks.{i}.";
            foreach ((string attention, int source) in new[] { ("attn1", width), ("attn2", context) })
            {
                Add($"{block}{attention}.to_q.weight", width, width);
                Add($"{block}{attention}.to_k.weight", width, source);
                Add($"{block}{attention}.to_v.weight", width, source);
                Linear($"{block}{attention}.to_out.0", width, width);
            }
            Linear(block + "ff.net.0.proj", width, 8 * width);
            Linear(block + "ff.net.2", 4 * width, width);
            for (int n = 1; n <= 3; n++)
                Norm($"{block}norm{n}", width);
        }
    }

    private void VaeBlock(string name, int from, int to)
    {
        Norm(name + ".norm1", from);
        Conv(name + ".conv1", from, to, 3);
        Norm(name + ".norm2", to);
        Conv(name + ".conv2", to, to, 3);
        if (from != to)
            Conv(name + ".nin_shortcut", from, to, 1);
    }

    private void VaeMiddle(string half, int channels)
    {
        VaeBlock(half + ".mid.block_1", channels, channels);
        Norm(half + ".mid.attn_1.norm", channels);
        foreach (string part in new[] { "q", "k", "v", "proj_out" })
            Conv($"{half}.mid.attn_1.{part}", channels, channels, 1);
        VaeBlock(half + ".mid.block_2", channels, channels);
    }

    private void Conv(string name, int from, int to, int kernel)
    {
        Add(name + ".weight", to, from, kernel, kernel);
        Add(name + ".bias", to);
    }

    private void Linear(string name, int from, int to)
    {
        Add(name + ".weight", to, from);
        Add(name + ".bias", to);
    }

    private void Norm(string name, int width)
    {
        Add(name + ".weight", width);
        Add(name + ".bias", width);
    }

    private void Add(string name, params long[] shape) => Shapes.Add(_prefix + name, shape);
}
