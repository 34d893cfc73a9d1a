using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>The shape of a <see cref="Resampler"/>.</summary>
/// <remarks>Defaults are those of ip-adapter-plus_sdxl_vit-h, with which PatchDPO trains (IP-Adapter's IPAdapterPlusXL).</remarks>
public sealed record ResamplerOptions
{
    /// <summary>Width of the latents (dim).</summary>
    public int Channels { get; init => field = ArgumentRange.Within(value, 1); } = 1280;

    /// <summary>Number of layers (depth).</summary>
    public int Layers { get; init => field = ArgumentRange.Within(value, 1); } = 4;

    /// <summary>Width of a head (dim_head).</summary>
    public int HeadChannels { get; init => field = ArgumentRange.Within(value, 1); } = 64;

    /// <summary>Number of heads (heads).</summary>
    public int Heads { get; init => field = ArgumentRange.Within(value, 1); } = 20;

    /// <summary>Number of tokens that come out (num_queries).</summary>
    public int Tokens { get; init => field = ArgumentRange.Within(value, 1); } = 16;

    /// <summary>Width of the image features that go in (embedding_dim).</summary>
    public int InputChannels { get; init => field = ArgumentRange.Within(value, 1); } = 1280;

    /// <summary>Width of the tokens: the UNet's cross-attention width (output_dim).</summary>
    public int OutputChannels { get; init => field = ArgumentRange.Within(value, 1); } = 2048;

    /// <summary>How many times as wide the feed-forward is inside (ff_mult).</summary>
    public int FeedForwardMultiple { get; init => field = ArgumentRange.Within(value, 1); } = 4;
}
