namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>The shape of a <see cref="Resampler"/>.</summary>
/// <remarks>Defaults are those of ip-adapter-plus_sdxl_vit-h, with which PatchDPO trains (IP-Adapter's IPAdapterPlusXL).</remarks>
public sealed record ResamplerOptions
{
    /// <summary>Width of the latents (dim).</summary>
    public int Channels { get; init => field = Positive(value); } = 1280;

    /// <summary>Number of layers (depth).</summary>
    public int Layers { get; init => field = Positive(value); } = 4;

    /// <summary>Width of a head (dim_head).</summary>
    public int HeadChannels { get; init => field = Positive(value); } = 64;

    /// <summary>Number of heads (heads).</summary>
    public int Heads { get; init => field = Positive(value); } = 20;

    /// <summary>Number of tokens that come out (num_queries).</summary>
    public int Tokens { get; init => field = Positive(value); } = 16;

    /// <summary>Width of the image features that go in (embedding_dim).</summary>
    public int InputChannels { get; init => field = Positive(value); } = 1280;

    /// <summary>Width of the tokens: the UNet's cross-attention width (output_dim).</summary>
    public int OutputChannels { get; init => field = Positive(value); } = 2048;

    /// <summary>How many times as wide the feed-forward is inside (ff_mult).</summary>
    public int FeedForwardMultiple { get; init => field = Positive(value); } = 4;

    private static int Positive(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
        return value;
    }
}
