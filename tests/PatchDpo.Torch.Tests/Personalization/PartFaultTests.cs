using System.Text.Json.Nodes;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>One part of a generator's folder is of another kind, uses what is not supported, or is not what its weights are.</summary>
public sealed class PartFaultTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();
    private readonly string _folder;

    public PartFaultTests() => _folder = TinyPersonalizedModel.Write(_temporary.File("model"));

    public void Dispose() => _temporary.Dispose();

    [Theory]
    [InlineData("unet/config.json", "_class_name", "\"FluxTransformer2DModel\"", "'UNet2DConditionModel'")]
    [InlineData("unet/config.json", "attention_type", "\"gated\"", "'default'")]
    [InlineData("unet/config.json", "sample_size", "0", "positive")]
    [InlineData("unet/config.json", "sample_size", "[8, 8]", "integer")]
    [InlineData("unet/config.json", "block_out_channels", "\"wide\"", "array of integers")]
    [InlineData("vae/config.json", "_class_name", "\"AutoencoderTiny\"", "'AutoencoderKL'")]
    [InlineData("vae/config.json", "down_block_types", "[\"AttnDownEncoderBlock2D\", \"DownEncoderBlock2D\", \"DownEncoderBlock2D\"]", "DownEncoderBlock2D")]
    [InlineData("vae/config.json", "up_block_types", "[\"UpDecoderBlock2D\"]", "1 types for the 3")]
    [InlineData("vae/config.json", "use_quant_conv", "false", "only true")]
    [InlineData("vae/config.json", "shift_factor", "0.1", "only null")]
    [InlineData("vae/config.json", "norm_num_groups", "3", "3 groups do not divide 8")]
    [InlineData("vae/config.json", "norm_num_groups", "0", "positive")]
    [InlineData("vae/config.json", "block_out_channels", "[8, -8, 16]", "positive")]
    [InlineData("vae/config.json", "latent_channels", "0", "positive")]
    [InlineData("vae/config.json", "layers_per_block", "-1", "positive")]
    [InlineData("vae/config.json", "scaling_factor", "0", "positive")]
    [InlineData("text_encoder/config.json", "model_type", "\"t5\"", "'clip_text_model'")]
    [InlineData("text_encoder/config.json", "hidden_act", "\"relu\"", "'quick_gelu'")]
    [InlineData("text_encoder/config.json", "layer_norm_eps", "-1", "positive")]
    [InlineData("text_encoder_2/config.json", "num_attention_heads", "5", "do not divide")]
    [InlineData("image_encoder/config.json", "model_type", "\"siglip_vision_model\"", "'clip_vision_model'")]
    [InlineData("image_encoder/config.json", "image_size", "8", "smaller than a patch")]
    [InlineData("image_encoder/config.json", "image_size", "[32, 48]", "32 x 48")]
    [InlineData("scheduler/scheduler_config.json", "num_train_timesteps", "1", "at least 2")]
    [InlineData("scheduler/scheduler_config.json", "beta_start", "0", "between 0 and 1")]
    [InlineData("scheduler/scheduler_config.json", "beta_end", "NaN", "between 0 and 1")]
    [InlineData("scheduler/scheduler_config.json", "trained_betas", "[0.1, 0.2]", "2 betas are given for 1000")]
    [InlineData("scheduler/scheduler_config.json", "prediction_type", "\"flow\"", "epsilon")]
    [InlineData("scheduler/scheduler_config.json", "beta_schedule", "\"cosine\"", "linear")]
    [InlineData("scheduler/scheduler_config.json", "num_train_timesteps", "2147483647", "more than the 100000")]
    [InlineData("scheduler/scheduler_config.json", "num_train_timesteps", "1000000000", "more than the 100000")]
    [InlineData("text_encoder/config.json", "num_hidden_layers", "1000000000", "more than the 1000")]
    [InlineData("text_encoder/config.json", "num_hidden_layers", "999", "999 layers")]
    [InlineData("text_encoder/config.json", "vocab_size", "2147483647", "more than")]
    [InlineData("text_encoder/config.json", "eos_token_id", "-5", "no id")]
    [InlineData("text_encoder/config.json", "layer_norm_eps", "1e300", "positive")]
    [InlineData("text_encoder_2/config.json", "max_position_embeddings", "1000000000", "more than")]
    [InlineData("image_encoder/config.json", "image_size", "1000000000", "more than the 16384")]
    [InlineData("image_encoder/config.json", "num_hidden_layers", "1000", "1000 layers")]
    [InlineData("image_encoder/config.json", "projection_dim", "2147483647", "more than")]
    [InlineData("unet/config.json", "layers_per_block", "1000000000", "more than")]
    [InlineData("unet/config.json", "layers_per_block", "4000", "layers")]
    [InlineData("unet/config.json", "transformer_layers_per_block", "4000", "layers")]
    [InlineData("unet/config.json", "reverse_transformer_layers_per_block", "100000", "layers")]
    [InlineData("unet/config.json", "sample_size", "1000000000", "more than")]
    [InlineData("unet/config.json", "sample_size", "1025", "more than the 1024")]
    [InlineData("unet/config.json", "in_channels", "2147483647", "more than")]
    [InlineData("unet/config.json", "conv_in_kernel", "2147483647", "up to 31")]
    [InlineData("unet/config.json", "norm_eps", "1e300", "norm_eps")]
    [InlineData("unet/config.json", "mid_block_scale_factor", "1e300", "more than")]
    [InlineData("unet/config.json", "mid_block_scale_factor", "NaN", "positive")]
    [InlineData("unet/config.json", "freq_shift", "4", "number of frequencies")]
    [InlineData("vae/config.json", "layers_per_block", "1000000000", "more than the 1000")]
    [InlineData("vae/config.json", "layers_per_block", "999", "2997 layers")]
    [InlineData("vae/config.json", "scaling_factor", "1e300", "positive")]
    [InlineData("vae/config.json", "down_block_types", "[]", "1 to 16")]
    public void A_field_that_is_wrong_or_not_supported_is_named_with_its_file(string file, string field, string value, string reason)
    {
        Set(file, field, value);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(_folder));
        Assert.Equal((Path.Combine(_folder, file), field), (e.Path, e.Field));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unet", "layers_per_block", "2", "down_blocks.0.resnets.1")]
    [InlineData("unet", "block_out_channels", "[8, 32]", "down_blocks.1.resnets.0")]
    [InlineData("vae", "latent_channels", "8", "quant_conv.weight")]
    [InlineData("text_encoder", "num_hidden_layers", "3", "text_model.encoder.layers.2")]
    [InlineData("text_encoder_2", "vocab_size", "600", "text_model.embeddings.token_embedding.weight")]
    [InlineData("image_encoder", "image_size", "48", "vision_model.embeddings.position_embedding.weight")]
    [InlineData("image_encoder", "hidden_size", "8", "vision_model.embeddings.class_embedding")]
    public void A_configuration_that_its_weights_contradict_is_told_by_file_and_key(string part, string field, string value, string key)
    {
        Set(Path.Combine(part, "config.json"), field, value);
        StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(() => PersonalizedModel.Load(_folder));
        Assert.Contains(Path.Combine(_folder, part), e.Message, StringComparison.Ordinal);
        Assert.Contains(e.MissingKeys.Concat(e.MisshapedKeys), k => k.Contains(key, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("unet/config.json")]
    [InlineData("vae/config.json")]
    [InlineData("text_encoder/config.json")]
    [InlineData("text_encoder_2/config.json")]
    [InlineData("image_encoder/config.json")]
    [InlineData("scheduler/scheduler_config.json")]
    public void A_part_without_a_configuration_is_named(string file)
    {
        File.Delete(Path.Combine(_folder, file));
        ModelFileNotFoundException e = Assert.Throws<ModelFileNotFoundException>(() => PersonalizedModel.Load(_folder));
        Assert.Equal(Path.Combine(_folder, Path.GetDirectoryName(file)!), e.Folder);
        Assert.Contains(Path.GetFileName(file), e.Candidates);
    }

    [Fact]
    public void What_was_loaded_before_a_fault_is_freed()
    {
        Set("image_encoder/config.json", "image_size", "48");
        LeakCheck.Run(() => Assert.Throws<StateDictMismatchException>(() => PersonalizedModel.Load(_folder)));
    }

    private void Set(string file, string field, string value)
    {
        string path = Path.Combine(_folder, file);
        JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json.Remove(field);
        // Python's NaN is no JSON, and so is put in as text.
        File.WriteAllText(path, json.ToJsonString()[..^1] + $",\"{field}\":{value}}}");
    }
}
