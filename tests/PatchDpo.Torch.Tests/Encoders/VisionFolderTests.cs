using System.Text.Json.Nodes;
using PatchDpo.Tests;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Tests.Clip;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>Models from folders in Hugging Face's layout, under both namings, and what is wrong with folders.</summary>
public sealed class VisionFolderTests : IDisposable
{
    private const string DinoJson = """{"model_type": "vit", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "patch_size": 4, "image_size": [12, 12], "qkv_bias": true, "layer_norm_eps": 1e-6, "hidden_act": "gelu"}""";
    private const string TextJson = """{"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 516, "max_position_embeddings": 6, "hidden_act": "gelu", "eos_token_id": 515, "projection_dim": 4}""";
    private const string VisionJson = """{"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "patch_size": 4, "image_size": 12, "hidden_act": "quick_gelu", "projection_dim": 4}""";
    private static readonly string ClipJson = $$"""{"text_config": {{TextJson}}, "vision_config": {{VisionJson}}, "projection_dim": 4}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dino_loads_under_both_namings(bool huggingFace)
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer original = new(DinoConfig.FromJson(ModelConfig.Parse(DinoJson, "test")));
        Dictionary<string, Tensor> weights = original.state_dict();
        Write(DinoJson, huggingFace ? ToHuggingFace(weights) : weights);
        using DinoVisionTransformer loaded = DinoVisionTransformer.FromFolder(_folder.File(""));

        Tensor pixels = randn(2, 3, 16, 12);
        using VisionFeatures expected = original.Encode(pixels), actual = loaded.Encode(pixels);
        Fixtures.AssertClose(actual.Patches, expected.Patches, 0, "patches");
        Fixtures.AssertClose(actual.Global, expected.Global, 0, "class token");
        Assert.False(loaded.training);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model.fp16.safetensors")]
    [InlineData("model.safetensors.index.json")]
    [InlineData("model.safetensors.index.fp16.json")]
    [InlineData("diffusion_pytorch_model.safetensors")]
    [InlineData("diffusion_pytorch_model.fp16.safetensors")]
    [InlineData("diffusion_pytorch_model.safetensors.index.json")]
    [InlineData("diffusion_pytorch_model.safetensors.index.fp16.json")]
    [InlineData("pytorch_model.bin")]
    [InlineData("pytorch_model.bin.index.json")]
    public void Weights_load_from_one_file_or_shards_as_transformers_and_diffusers_name_them(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer original = new(DinoConfig.FromJson(ModelConfig.Parse(DinoJson, "test")));
        File.WriteAllText(_folder.File("config.json"), DinoJson);
        Dictionary<string, Tensor> weights = original.state_dict();
        Action<string, Dictionary<string, Tensor>> write = name.Contains(".bin", StringComparison.Ordinal) ? WriteCheckpoint : (path, tensors)
            => SafetensorsWriter.Write(path, tensors);
        if (name.EndsWith(".json", StringComparison.Ordinal))
        {
            var map = new JsonObject();
            foreach ((string shard, IEnumerable<KeyValuePair<string, Tensor>> part) in new[] { ("shard-1-of-2", weights.Take(7)),
                ("shard-2-of-2", weights.Skip(7)) })
            {
                write(_folder.File(shard), part.ToDictionary());
                foreach ((string key, _) in part)
                    map[key] = shard;
            }
            File.WriteAllText(_folder.File(name), new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = 1 }, ["weight_map"] = map }.ToJsonString());
        }
        else
        {
            write(_folder.File(name), weights);
        }
        using DinoVisionTransformer loaded = DinoVisionTransformer.FromFolder(_folder.File(""));
        foreach ((string key, Tensor value) in loaded.state_dict())
            Fixtures.AssertClose(value, weights[key], 0, key);
    }

    [Theory]
    [InlineData(0, 0.1, false)]
    [InlineData(3, 0, true)]
    public void DinoV2_loads_and_interpolates_as_the_published_models_with_and_without_registers(int registers, double offset, bool antialias)
    {
        using DisposeScope scope = NewDisposeScope();
        string json = $$"""{"model_type": "dinov2", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_ratio": 2, "patch_size": 4, "image_size": 12, "num_register_tokens": {{registers}}}""";
        using DinoV2VisionTransformer original = new(DinoV2Config.FromJson(ModelConfig.Parse(json, "test")));
        Write(json, original.state_dict());
        using DinoV2VisionTransformer loaded = DinoV2VisionTransformer.FromFolder(_folder.File(""));

        Assert.Equal((offset, antialias, 16), (loaded.Config.InterpolateOffset, loaded.Config.InterpolateAntialias, loaded.Config.IntermediateSize));
        Tensor pixels = randn(2, 3, 16, 12);
        using VisionFeatures expected = original.Encode(pixels), actual = loaded.Encode(pixels);
        Assert.Equal([2, 4, 3, 8], actual.Patches.shape);
        Fixtures.AssertClose(actual.Patches, expected.Patches, 0, "patches");
    }

    [Theory]
    [InlineData("use_swiglu_ffn", "true")]
    [InlineData("num_register_tokens", "-1")]
    [InlineData("mlp_ratio", "0")]
    [InlineData("hidden_act", "\"relu\"")]
    [InlineData("num_attention_heads", "3")]
    public void A_bad_DinoV2_configuration_is_refused_with_its_field(string field, string value)
    {
        string json = Change("""{"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "patch_size": 4, "image_size": 12}""", field, value);
        Assert.Equal(field, Assert.Throws<ModelConfigException>(() => DinoV2Config.FromJson(ModelConfig.Parse(json, "test"))).Field);
    }

    [Fact]
    public void An_incomplete_query_key_value_triple_is_reported_by_its_names()
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer original = new(DinoConfig.FromJson(ModelConfig.Parse(DinoJson, "test")));
        Dictionary<string, Tensor> weights = ToHuggingFace(original.state_dict());
        weights.Remove("encoder.layer.1.attention.attention.key.bias");
        Write(DinoJson, weights);
        StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(() => DinoVisionTransformer.FromFolder(_folder.File("")));
        Assert.Contains("blocks.1.attn.qkv.bias", Assert.Single(e.MissingKeys), StringComparison.Ordinal);
        Assert.Contains(e.UnexpectedKeys, k => k.Contains("encoder.layer.1.attention.attention.query.bias", StringComparison.Ordinal));
    }

    [Fact]
    public void A_clip_folder_gives_the_whole_model_and_each_tower_alone()
    {
        using DisposeScope scope = NewDisposeScope();
        WriteTokenizer();
        using ClipModel original = NewClip();
        // Old exports carry this buffer.
        Write(ClipJson, new(original.state_dict()) { ["text_model.embeddings.position_ids"] = arange(6).unsqueeze(0) });
        using ClipModel loaded = ClipModel.FromFolder(_folder.File(""));
        using ClipTextEncoder text = ClipTextEncoder.FromFolder(_folder.File(""));
        using ClipVisionEncoder vision = ClipVisionEncoder.FromFolder(_folder.File(""));

        Tensor pixels = randn(2, 3, 12, 12);
        Tensor images = original.EncodeImages(pixels), texts = original.EncodeTexts(["a cat", "two"]);
        Fixtures.AssertClose(loaded.EncodeImages(pixels), images, 0, "whole model, images");
        Fixtures.AssertClose(loaded.EncodeTexts(["a cat", "two"]), texts, 0, "whole model, texts");
        Fixtures.AssertClose(vision.Encode(pixels).Global, images, 0, "vision tower");
        Fixtures.AssertClose(text.Encode(original.Tokenizer.EncodeBatch(["a cat", "two"])).TextEmbeds!, texts, 0, "text tower");
        Assert.Equal([2, 3, 3, 8], vision.Encode(pixels).Patches.shape);
        Assert.Equal([2, 10, 8], vision.PenultimateHiddenStates(pixels).shape);
    }

    [Fact]
    public void An_encoder_whose_weights_have_no_projection_gives_the_pooled_state()
    {
        using DisposeScope scope = NewDisposeScope();
        using ClipTextEncoder original = new(ClipTextConfig.FromJson(ModelConfig.Parse(TextJson, "test")) with { ProjectionDim = null });
        Write(TextJson, original.state_dict());
        using ClipTextEncoder loaded = ClipTextEncoder.FromFolder(_folder.File(""));
        using ClipTextOutput output = loaded.Encode(tensor(new long[,] { { 514, 3, 515, 515 } }));
        Assert.Null(output.TextEmbeds);
        // Pooled at the first end token, after the final norm.
        Fixtures.AssertClose(output.Pooled, output.LastHiddenState[.., 2], 0, "pooled");
    }

    [Fact]
    public void Half_precision_files_become_float32_unless_told_otherwise()
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer original = new(DinoConfig.FromJson(ModelConfig.Parse(DinoJson, "test")));
        Write(DinoJson, original.state_dict().ToDictionary(t => t.Key, t => t.Value.to(ScalarType.Float16)));
        using DinoVisionTransformer loaded = DinoVisionTransformer.FromFolder(_folder.File(""));
        using DinoVisionTransformer half = DinoVisionTransformer.FromFolder(_folder.File(""), dtype: ScalarType.BFloat16);
        Assert.All(loaded.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
        Assert.All(half.parameters(), p => Assert.Equal(ScalarType.BFloat16, p.dtype));
    }

    [Theory]
    [InlineData("hidden_act", "\"relu\"", "'relu'")]
    [InlineData("num_attention_heads", "3", "3 heads do not divide a width of 8")]
    [InlineData("hidden_size", null, "missing")]
    [InlineData("num_hidden_layers", "0", "positive")]
    [InlineData("image_size", "[12, 16]", "12 x 16")]
    [InlineData("image_size", "3", "smaller than a patch")]
    [InlineData("num_channels", "1", "expected 3")]
    [InlineData("intermediate_size", "\"many\"", "integer")]
    [InlineData("model_type", "\"siglip\"", "'siglip' is not supported")]
    [InlineData("layer_norm_eps", "0", "positive")]
    public void A_bad_configuration_is_refused_with_its_file_and_field(string field, string? value, string problem)
    {
        foreach ((string json, Action load) in new (string, Action)[]
        {
            (DinoJson, () => DinoVisionTransformer.FromFolder(_folder.File(""))),
            (VisionJson, () => ClipVisionEncoder.FromFolder(_folder.File(""))),
            (TextJson, () => ClipTextEncoder.FromFolder(_folder.File(""))),
        })
        {
            if (json == TextJson && (field.StartsWith("image", StringComparison.Ordinal) || field == "num_channels"))
                continue;
            string path = _folder.File("config.json");
            File.WriteAllText(path, Change(json, field, value));
            ModelConfigException e = Assert.Throws<ModelConfigException>(load);
            Assert.Equal(path, e.Path);
            Assert.Equal(field, e.Field);
            Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("image_size", "16", "pos_embed", "position_embedding")]
    [InlineData("patch_size", "3", "patch_embed.proj.weight", "patch_embedding.weight")]
    [InlineData("num_hidden_layers", "3", "blocks.2.", "layers.2.")]
    public void A_configuration_that_the_weights_contradict_is_told_by_file_and_key(string field, string value, string dinoKey, string clipKey)
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer dino = new(DinoConfig.FromJson(ModelConfig.Parse(DinoJson, "test")));
        Write(Change(DinoJson, field, value), dino.state_dict());
        AssertMismatch(dinoKey, () => DinoVisionTransformer.FromFolder(_folder.File("")));
        using ClipVisionEncoder clip = new(ClipVisionConfig.FromJson(ModelConfig.Parse(VisionJson, "test")));
        Write(Change(VisionJson, field, value), clip.state_dict());
        AssertMismatch(clipKey, () => ClipVisionEncoder.FromFolder(_folder.File("")));

        void AssertMismatch(string key, Action load)
        {
            StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(load);
            Assert.Contains(_folder.File("model.safetensors"), e.Message, StringComparison.Ordinal);
            Assert.Contains(e.MissingKeys.Concat(e.MisshapedKeys), k => k.Contains(key, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_fault_in_a_whole_models_file_is_named_with_its_tower()
    {
        WriteTokenizer();
        File.WriteAllText(_folder.File("config.json"), $$"""{"text_config": {{Change(TextJson, "hidden_act", "\"relu\"")}}, "vision_config": {{VisionJson}}}""");
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ClipModel.FromFolder(_folder.File("")));
        Assert.Equal("text_config.hidden_act", e.Field);
    }

    [Fact]
    public void A_whole_models_file_may_leave_out_transformers_defaults()
    {
        ModelConfig json = ModelConfig.Parse("""{"text_config": {"model_type": "clip_text_model"}, "vision_config": {"patch_size": 16}}""", "test");
        ClipTextConfig text = ClipTextConfig.FromJson(json);
        ClipVisionConfig vision = ClipVisionConfig.FromJson(json);
        Assert.Equal((512, 2048, 12, 8, 49408, 77, 512), (text.HiddenSize, text.IntermediateSize, text.NumLayers, text.NumHeads, text.VocabularySize,
            text.MaxPositions, text.ProjectionDim));
        Assert.Equal((768, 3072, 12, 12, 224, 16, 512), (vision.HiddenSize, vision.IntermediateSize, vision.NumLayers, vision.NumHeads, vision.ImageSize,
            vision.PatchSize, vision.ProjectionDim));
    }

    [Fact]
    public void A_tokenizer_with_more_ids_than_the_text_encoder_is_refused()
    {
        WriteTokenizer();
        File.WriteAllText(_folder.File("config.json"), ClipJson.Replace("516", "500", StringComparison.Ordinal)
            .Replace("515", "499", StringComparison.Ordinal));
        File.WriteAllBytes(_folder.File("model.safetensors"), [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ClipModel.FromFolder(_folder.File("")));
        Assert.Contains("515", e.Message, StringComparison.Ordinal);
        Assert.Contains("500", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_weights_is_named()
    {
        File.WriteAllText(_folder.File("config.json"), DinoJson);
        Assert.Throws<ModelFileNotFoundException>(() => DinoVisionTransformer.FromFolder(_folder.File("")));
    }

    private static ClipModel NewClip()
    {
        ModelConfig json = ModelConfig.Parse(ClipJson, "test");
        Dictionary<string, int> vocabulary = Vocabulary();
        using TemporaryFolder folder = new();
        ClipFixture.WriteTokenizer(folder, vocabulary, 6);
        return new(ClipTextConfig.FromJson(json), ClipVisionConfig.FromJson(json), ClipTokenizer.FromFolder(folder.File("")));
    }

    private static Dictionary<string, int> Vocabulary() => OpenAiVocabulary.Build(["c a", "t w"], "<|startoftext|>", "<|endoftext|>");

    private void WriteTokenizer() => ClipFixture.WriteTokenizer(_folder, Vocabulary(), 6);

    private void Write(string json, Dictionary<string, Tensor> weights)
    {
        File.WriteAllText(_folder.File("config.json"), json);
        SafetensorsWriter.Write(_folder.File("model.safetensors"), weights);
    }

    private static void WriteCheckpoint(string path, Dictionary<string, Tensor> weights)
    {
        SamplePickle pickle = new SamplePickle().Op("}(");
        List<CheckpointBytes.ZipEntry> storages = [];
        foreach ((string key, Tensor value) in weights)
        {
            Tensor dense = value.detach().contiguous();
            pickle.Text(key).Tensor($"{storages.Count}", dense.shape, dense.stride(), count: dense.numel());
            storages.Add(new($"archive/data/{storages.Count}", dense.bytes.ToArray()));
        }
        File.WriteAllBytes(path, CheckpointBytes.Archive([new("archive/data.pkl", pickle.Op("u").Stop()), .. storages]));
    }

    private static string Change(string json, string field, string? value)
    {
        JsonObject o = JsonNode.Parse(json)!.AsObject();
        o.Remove(field);
        if (value is not null)
            o[field] = JsonNode.Parse(value);
        return o.ToJsonString();
    }

    private static Dictionary<string, Tensor> ToHuggingFace(Dictionary<string, Tensor> weights)
    {
        var result = new Dictionary<string, Tensor>();
        foreach ((string key, Tensor value) in weights)
        {
            string name = key
                .Replace("cls_token", "embeddings.cls_token", StringComparison.Ordinal)
                .Replace("pos_embed", "embeddings.position_embeddings", StringComparison.Ordinal)
                .Replace("patch_embed.proj", "embeddings.patch_embeddings.projection", StringComparison.Ordinal)
                .Replace("blocks.", "encoder.layer.", StringComparison.Ordinal)
                .Replace("norm1", "layernorm_before", StringComparison.Ordinal)
                .Replace("norm2", "layernorm_after", StringComparison.Ordinal)
                .Replace("attn.proj", "attention.output.dense", StringComparison.Ordinal)
                .Replace("mlp.fc1", "intermediate.dense", StringComparison.Ordinal)
                .Replace("mlp.fc2", "output.dense", StringComparison.Ordinal);
            if (name.StartsWith("norm.", StringComparison.Ordinal))
                name = "layer" + name;
            if (!name.Contains("attn.qkv", StringComparison.Ordinal))
            {
                result[name] = value;
                continue;
            }
            Tensor[] parts = value.chunk(3);
            for (int i = 0; i < 3; i++)
                result[name.Replace("attn.qkv", "attention.attention." + new[] { "query", "key", "value" }[i],
                    StringComparison.Ordinal)] = parts[i].contiguous();
        }
        // What Hugging Face's exports carry without having trained it.
        result["pooler.dense.weight"] = zeros(8, 8);
        return result;
    }
}
