using PatchDpo.Tests;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Cnn;

namespace PatchDpo.Torch.Tests.Models;

/// <summary>
/// Configurations that ask for what no machine has are refused by field before memory is taken, also where there are no weights to hold them against.
/// </summary>
public sealed class ConfigurationLimitTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"num_train_timesteps": 2147483647}""", "num_train_timesteps")]
    [InlineData("""{"steps_offset": -2147483648, "_class_name": "DDIMScheduler"}""", "steps_offset")]
    [InlineData("""{"steps_offset": 1000, "_class_name": "DDIMScheduler"}""", "steps_offset")]
    [InlineData("""{"trained_betas": [0.1, 1e300], "num_train_timesteps": 2}""", "trained_betas[1]")]
    [InlineData("""{"clip_sample_range": NaN, "_class_name": "DDIMScheduler"}""", "clip_sample_range")]
    [InlineData("""{"thresholding": true, "dynamic_thresholding_ratio": 1.5, "_class_name": "DDIMScheduler"}""", "dynamic_thresholding_ratio")]
    [InlineData("""{"thresholding": true, "sample_max_value": 1e300, "_class_name": "DDIMScheduler"}""", "sample_max_value")]
    [InlineData("""{"lambda_min_clipped": Infinity, "_class_name": "DPMSolverMultistepScheduler"}""", "lambda_min_clipped")]
    public void A_schedule(string json, string field)
        => Assert.Equal(field, Assert.Throws<ModelConfigException>(() => NoiseScheduleConfig.FromJson(ModelConfig.Parse(json, "test"))).Field);

    [Theory]
    [InlineData("""{"layers_per_block": 1000000}""", "layers_per_block")]
    [InlineData("""{"transformer_layers_per_block": 100000}""", "transformer_layers_per_block")]
    [InlineData("""{"reverse_transformer_layers_per_block": 100000}""", "reverse_transformer_layers_per_block")]
    [InlineData("""{"block_out_channels": [32,32,32,32,32,32,32,32,32,32,32,32,32,32,32,32,32]}""", "block_out_channels")]
    [InlineData("""{"attention_head_dim": 1000000000}""", "attention_head_dim")]
    [InlineData("""{"norm_num_groups": 1000000000}""", "norm_num_groups")]
    [InlineData("""{"freq_shift": 1e300}""", "freq_shift")]
    [InlineData("""{"addition_embed_type": "text_time", "addition_time_embed_dim": 469, "projection_class_embeddings_input_dim": 2814}""", "projection_class_embeddings_input_dim")]
    [InlineData("""{"addition_embed_type": "text_time", "addition_time_embed_dim": 1000000000, "projection_class_embeddings_input_dim": 2816}""", "addition_time_embed_dim")]
    public void A_network_without_weights(string json, string field)
        => Assert.Equal(field, Assert.Throws<ModelConfigException>(() => UNetConfig.FromJson(ModelConfig.Parse(json, "test"))).Field);

    [Theory]
    [InlineData("DINO", "num_hidden_layers", "3", "1000000000")]
    [InlineData("DINO", "num_hidden_layers", "3", "1000")]
    [InlineData("DINO", "image_size", "32", "1000000000")]
    [InlineData("DINO", "hidden_size", "12", "1000000000")]
    [InlineData("DINOv2", "num_register_tokens", "2", "2147483647")]
    [InlineData("DINOv2", "layerscale_value", "0.5", "1e300")]
    [InlineData("DINOv2", "mlp_ratio", "3.0833333333333335", "1e8")]
    [InlineData("CLIP", "patch_size", "8", "1000000000")]
    [InlineData("CLIP", "intermediate_size", "20", "2147483647")]
    public void An_encoder(string kind, string field, string sound, string value)
    {
        string folder = _folder.File("encoder"), config = Path.Combine(folder, "config.json");
        using (ITrainableVisionEncoder encoder = TinyEncoders.Create(kind))
            PatchEncoder.Save(encoder, folder);
        string json = File.ReadAllText(config), changed = json.Replace($"\"{field}\": {sound}", $"\"{field}\": {value}", StringComparison.Ordinal);
        Assert.NotEqual(json, changed);
        File.WriteAllText(config, changed);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => PatchEncoder.FromFolder(folder));
        Assert.Equal((config, field), (e.Path, e.Field));
    }

    // Tables of embeddings take memory before the weights are looked at: these were 2 GB and more.
    [Theory]
    [InlineData("text_encoder", "hidden_size", 1_000_000)]
    [InlineData("text_encoder", "vocab_size", 1_048_576)]
    [InlineData("text_encoder", "max_position_embeddings", 1_048_576, 12_000)]
    [InlineData("image_encoder", "image_size", 16_384)]
    public void A_table_of_embeddings_beyond_the_weights(string part, string field, int value, int? width = null)
    {
        string folder = TinyPersonalizedModel.Write(_folder.File("model")), config = Path.Combine(folder, part, "config.json");
        System.Text.Json.Nodes.JsonObject json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(config))!.AsObject();
        if (field is "vocab_size" or "max_position_embeddings" or "image_size")
            json["hidden_size"] = width ?? 1200;
        json[field] = value;
        File.WriteAllText(config, json.ToJsonString());
        ModelConfigException e = Assert.Throws<ModelConfigException>(
            () => { using IDisposable encoder = part == "text_encoder" ? ClipTextEncoder.FromFolder(Path.Combine(folder, part))
                : ClipVisionEncoder.FromFolder(Path.Combine(folder, part)); });
        Assert.Equal((config, field), (e.Path, e.Field));
    }

    [Theory]
    [InlineData("""{"block": "BasicBlock", "layers": [1000000000, 2, 2, 2]}""")]
    [InlineData("""{"block": "BasicBlock", "layers": [1000, 2, 2, 2], "width": 2147483647}""", "width")]
    public void A_ResNet(string json, string field = "layers")
        => Assert.Equal(field, Assert.Throws<ModelConfigException>(() => ResNetConfig.FromJson(ModelConfig.Parse(json, "test"))).Field);

    [Fact]
    public void A_VGG_with_more_poolings_than_an_image_has_halves()
        => Assert.Equal("layers", Assert.Throws<ModelConfigException>(() => VggConfig.FromJson(ModelConfig.Parse($$"""{"layers": [{{string.Join(",", Enumerable.Repeat("4, 0", 40))}}]}""", "test"))).Field);

    [Theory]
    [InlineData("tokenizer_config.json", "model_max_length", "2147483647")]
    [InlineData("vocab.json", "a", "2147483647")]
    [InlineData("vocab.json", "a", "-1")]
    [InlineData("vocab.json", "a", "513")]
    public void A_tokenizer(string file, string field, string value)
    {
        string folder = _folder.File("tokenizer"), path = Path.Combine(folder, file);
        TinyPersonalizedModel.WriteTokenizer(folder);
        System.Text.Json.Nodes.JsonObject json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json[field] = int.Parse(value);
        File.WriteAllText(path, json.ToJsonString());
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ClipTokenizer.FromFolder(folder));
        Assert.Equal(path, e.Path);
    }

    // A million elements are read before they are refused; the time is documented to grow with the file alone, whose length has a limit.
    [Theory]
    [InlineData("block_out_channels", "32", null)]
    [InlineData("down_block_types", "\"DownBlock2D\"", null)]
    [InlineData("layers_per_block", "2", null)]
    [InlineData("trained_betas", "0.001", "DDIMScheduler")]
    public void A_very_long_array_is_refused_within_seconds(string field, string element, string? scheduler)
    {
        string path = _folder.File("config.json");
        File.WriteAllText(path, $$"""{"{{field}}": [{{string.Join(", ", Enumerable.Repeat(element, 1_000_000))}}]{{(scheduler is null ? "" : $", \"_class_name\": \"{scheduler}\"")}}}""");
        System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();
        ModelConfigException e = Assert.Throws<ModelConfigException>(
            () => { _ = scheduler is null ? (object)UNetConfig.FromJson(ModelConfig.Read(path)) : NoiseScheduleConfig.FromJson(ModelConfig.Read(path)); });
        Assert.Equal((path, field), (e.Path, e.Field));
        Assert.InRange(e.Message.Length, 1, 1000);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
    }

    [Fact]
    public void A_file_of_hundreds_of_megabytes_is_not_read()
    {
        string path = _folder.File("config.json");
        using (FileStream stream = File.Create(path))
            stream.SetLength(200L << 20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("bytes", Assert.Throws<ModelConfigException>(() => ModelConfig.Read(path)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }
}
