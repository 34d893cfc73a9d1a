using System.Text.Json.Nodes;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Tests.Diffusion.UNet;

public class UNetConfigTests
{
    [Theory]
    [InlineData("class_embed_type", "\"timestep\"")]
    [InlineData("num_class_embeds", "10")]
    [InlineData("encoder_hid_dim", "768")]
    [InlineData("encoder_hid_dim_type", "\"text_proj\"")]
    [InlineData("num_attention_heads", "8")]
    [InlineData("time_cond_proj_dim", "256")]
    [InlineData("cross_attention_norm", "\"layer_norm\"")]
    [InlineData("dual_cross_attention", "true")]
    [InlineData("only_cross_attention", "true")]
    [InlineData("mid_block_only_cross_attention", "true")]
    [InlineData("class_embeddings_concat", "true")]
    [InlineData("resnet_time_scale_shift", "\"scale_shift\"")]
    [InlineData("time_embedding_type", "\"fourier\"")]
    [InlineData("attention_type", "\"gated\"")]
    [InlineData("addition_embed_type", "\"text\"")]
    [InlineData("mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"")]
    [InlineData("down_block_types", "[\"CrossAttnDownBlock2D\", \"ResnetDownsampleBlock2D\"]")]
    [InlineData("down_block_types", "[\"DownBlock2D\"]")]
    [InlineData("up_block_types", "[\"UpBlock2D\", \"SimpleCrossAttnUpBlock2D\"]")]
    [InlineData("act_fn", "\"sigmoid\"")]
    [InlineData("norm_num_groups", "24")]
    [InlineData("attention_head_dim", "[3, 8]")]
    [InlineData("attention_head_dim", "0")]
    [InlineData("cross_attention_dim", "-1")]
    [InlineData("layers_per_block", "[2, 2, 2]")]
    [InlineData("transformer_layers_per_block", "[1, [1, 2]]", "transformer_layers_per_block[1]")]
    [InlineData("block_out_channels", "[]")]
    [InlineData("conv_in_kernel", "4")]
    [InlineData("dropout", "1.5")]
    [InlineData("downsample_padding", "2")]
    [InlineData("use_linear_projection", "\"yes\"")]
    public void A_value_that_is_wrong_or_not_supported_is_refused_by_file_and_field(string field, string value, string? named = null)
    {
        JsonObject json = Valid();
        json[field] = JsonNode.Parse(value);
        ModelConfigException error = Assert.Throws<ModelConfigException>(() => UNetConfig.FromJson(ModelConfig.Parse(json.ToJsonString(), "unet/config.json")));
        Assert.Equal(named ?? field, error.Field);
        Assert.Equal("unet/config.json", error.Path);
    }

    [Fact]
    public void Absent_fields_take_the_defaults_of_diffusers() =>
        Assert.Equivalent(new UNetConfig(), UNetConfig.FromJson(ModelConfig.Parse("{}", "config.json")), strict: true);

    [Fact]
    public void Size_embeddings_need_their_dimensions()
    {
        JsonObject json = Valid();
        json["addition_embed_type"] = "text_time";
        ModelConfigException error = Assert.Throws<ModelConfigException>(() => UNetConfig.FromJson(ModelConfig.Parse(json.ToJsonString(), "config.json")));
        Assert.Equal("addition_time_embed_dim", error.Field);
    }

    [Fact]
    public void A_middle_block_of_null_is_left_out()
    {
        JsonObject json = Valid();
        json["mid_block_type"] = null;
        Assert.False(UNetConfig.FromJson(ModelConfig.Parse(json.ToJsonString(), "config.json")).HasMidBlock);
    }

    [Fact]
    public void Models_refuse_a_configuration_that_does_not_fit_together()
    {
        var config = new UNetConfig { BlockOutChannels = [32, 64] };
        Assert.Contains("down_block_types", Assert.Throws<ArgumentException>(() => new UNet2DConditionModel(config)).Message, StringComparison.Ordinal);
        Assert.Contains("down_block_types", Assert.Throws<ArgumentException>(() => new IpAdapterLayers(config)).Message, StringComparison.Ordinal);
    }

    private static JsonObject Valid() => new()
    {
        ["block_out_channels"] = new JsonArray(32, 64),
        ["down_block_types"] = new JsonArray("CrossAttnDownBlock2D", "DownBlock2D"),
        ["up_block_types"] = new JsonArray("UpBlock2D", "CrossAttnUpBlock2D"),
    };
}
