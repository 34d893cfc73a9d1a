using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>Sizes of an <see cref="AutoencoderKL"/>. Defaults are those of SDXL's autoencoder.</summary>
public sealed class VaeConfig
{
    /// <summary>Channels of the image that is encoded (<c>in_channels</c>).</summary>
    public int InChannels { get; init => field = ArgumentRange.Within(value, 1); } = 3;

    /// <summary>Channels of the image that is decoded (<c>out_channels</c>).</summary>
    public int OutChannels { get; init => field = ArgumentRange.Within(value, 1); } = 3;

    /// <summary>Channels of the latents (<c>latent_channels</c>).</summary>
    public int LatentChannels { get; init => field = ArgumentRange.Within(value, 1); } = 4;

    /// <summary>Channels of each resolution, from the finest (<c>block_out_channels</c>); every one but the last halves the size.</summary>
    public IReadOnlyList<int> BlockOutChannels
    {
        get;
        init => field = value is { Count: > 0 } && value.All(c => c > 0) ? value
            : throw new ArgumentException("Every resolution has at least one channel.", nameof(BlockOutChannels));
    } = [128, 256, 512, 512];

    /// <summary>Residual blocks of each resolution in the encoder; the decoder has one more (<c>layers_per_block</c>).</summary>
    public int LayersPerBlock { get; init => field = ArgumentRange.Within(value, 1); } = 2;

    /// <summary>Groups of every group normalisation (<c>norm_num_groups</c>).</summary>
    public int NormGroups { get; init => field = ArgumentRange.Within(value, 1); } = 32;

    /// <summary>Activation of the residual blocks (<c>act_fn</c>): silu, swish, gelu, relu or mish.</summary>
    public string Activation
    {
        get;
        init => field = Activations.IsKnown(value) ? value : throw new ArgumentException($"Unknown activation function '{value}'.", nameof(Activation));
    } = "silu";

    /// <summary>What latents are multiplied by before a diffusion model sees them (<c>scaling_factor</c>).</summary>
    public double ScalingFactor
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(ScalingFactor), value, "The scaling factor is positive.");
    } = 0.13025;

    /// <summary>How many image pixels one latent stands for in each direction.</summary>
    public int LatentScale => 1 << (BlockOutChannels.Count - 1);

    /// <summary>Reads an autoencoder's <c>config.json</c> as diffusers writes it.</summary>
    /// <param name="json">The file's object.</param>
    /// <exception cref="ModelConfigException">A block type or another value is not one that this library knows; the message names file and field.</exception>
    public static VaeConfig FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.RequireKind("_class_name", nameof(AutoencoderKL));
        CheckUnsupported(json);
        string[] down = json.Has("down_block_types") ? [.. json.GetStringArray("down_block_types")] : ["DownEncoderBlock2D"];
        string[] up = json.Has("up_block_types") ? [.. json.GetStringArray("up_block_types")] : ["UpDecoderBlock2D"];
        if (down.Length is 0 or > ConfigFields.MaxLevels)
            throw json.Fault("down_block_types", $"{down.Length} resolutions are not the 1 to {ConfigFields.MaxLevels} that are supported.");
        RequireOnly(json, "down_block_types", down, "DownEncoderBlock2D");
        RequireOnly(json, "up_block_types", up, "UpDecoderBlock2D");
        string activation = json.GetString("act_fn", "silu");
        if (!Activations.IsKnown(activation))
            throw new ModelConfigException(json.Source, "act_fn", $"\"{activation}\" is not a known activation function.");
        if (json.Has("up_block_types") && up.Length != down.Length)
            throw json.Fault("up_block_types", $"{up.Length} types for the {down.Length} of down_block_types.");
        int[] channels = json.GetInt32Array("block_out_channels", down.Length);
        int groups = json.GetPositive("norm_num_groups", 32);
        foreach (int count in channels)
        {
            if (count <= 0)
                throw json.Fault("block_out_channels", $"expected positive numbers, found {count}.");
            if (count > ConfigFields.MaxSize)
                throw json.Fault("block_out_channels", $"{count} is more than the {ConfigFields.MaxSize} that are supported.");
            if (count % groups != 0)
                throw json.Fault("norm_num_groups", $"{groups} groups do not divide {count} channels.");
        }
        return new VaeConfig
        {
            InChannels = json.GetPositive("in_channels", 3),
            OutChannels = json.GetPositive("out_channels", 3),
            LatentChannels = json.GetPositive("latent_channels", 4),
            BlockOutChannels = channels,
            LayersPerBlock = json.GetPositive("layers_per_block", 1, ConfigFields.MaxLayers),
            NormGroups = groups,
            Activation = activation,
            ScalingFactor = json.GetPositiveNumber("scaling_factor", 0.18215, min: 1e-6),
        };
    }

    // What newer autoencoders (Stable Diffusion 3, FLUX) have and this one lacks.
    private static void CheckUnsupported(ModelConfig json)
    {
        foreach (string field in new[] { "shift_factor", "latents_mean", "latents_std" })
            if (json.Has(field))
                throw json.Fault(field, "only null is supported.");
        foreach (string field in new[] { "use_quant_conv", "use_post_quant_conv", "mid_block_add_attention" })
            if (!json.GetBoolean(field, true))
                throw json.Fault(field, "only true is supported.");
    }

    private static void RequireOnly(ModelConfig json, string field, string[] types, string known)
    {
        if (Array.Find(types, t => t != known) is string other)
            throw new ModelConfigException(json.Source, field, $"\"{other}\" is not supported; \"{known}\" is.");
    }
}
