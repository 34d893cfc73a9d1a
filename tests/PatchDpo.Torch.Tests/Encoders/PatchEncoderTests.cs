using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

public sealed class PatchEncoderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("patch-encoder").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("\"model_type\": \"vit\"")]
    [InlineData("\"architectures\": [\"ViTModel\"]")]
    public void A_vision_transformer_folder_opens_as_DINO_and_scores_images(string kind)
    {
        using DisposeScope scope = NewDisposeScope();
        WriteDino(kind);
        using IVisionEncoder encoder = PatchEncoder.FromFolder(_folder);
        Assert.IsType<DinoVisionTransformer>(encoder);
        PatchQualityResult result = new PatchQualityEstimator(encoder).Score([TestImages.Blocks(1, 40, 40, 8)], [TestImages.Blocks(2, 64, 30, 8)])[0];
        Assert.Equal((4, 4), (result.Generated.Height, result.Reference.Width));
        Assert.InRange(result.Score, -1, 1);
    }

    [Theory]
    [InlineData("dinov2", 0)]
    [InlineData("dinov2_with_registers", 2)]
    public void A_DINOv2_folder_opens_as_DINOv2(string kind, int registers)
    {
        using DisposeScope scope = NewDisposeScope();
        string json = $$"""{ "model_type": "{{kind}}", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_ratio": 2, "image_size": 32, "patch_size": 8, "num_register_tokens": {{registers}} }""";
        File.WriteAllText(Path.Combine(_folder, "config.json"), json);
        using DinoV2VisionTransformer model = new(DinoV2Config.FromJson(ModelConfig.Parse(json, "config.json")));
        SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), model.state_dict());
        using IVisionEncoder encoder = PatchEncoder.FromFolder(_folder);
        Assert.IsType<DinoV2VisionTransformer>(encoder);
    }

    [Fact]
    public void A_clip_vision_folder_opens_as_CLIP()
    {
        using DisposeScope scope = NewDisposeScope();
        string json = """{ "model_type": "clip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16, "patch_size": 8, "projection_dim": 8, "hidden_act": "quick_gelu" }""";
        File.WriteAllText(Path.Combine(_folder, "config.json"), json);
        using ClipVisionEncoder model = new(ClipVisionConfig.FromJson(ModelConfig.Parse(json, "config.json")));
        SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), model.state_dict());
        using IVisionEncoder encoder = PatchEncoder.FromFolder(_folder);
        Assert.IsType<ClipVisionEncoder>(encoder);
    }

    [Fact]
    public void A_folder_of_another_kind_is_refused_by_file_and_field()
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), """{ "model_type": "bert" }""");
        ModelConfigException error = Assert.Throws<ModelConfigException>(() => PatchEncoder.FromFolder(_folder));
        Assert.Contains("model_type", error.Message, StringComparison.Ordinal);
        Assert.Contains("bert", error.Message, StringComparison.Ordinal);
        Assert.Throws<ModelFileNotFoundException>(() => PatchEncoder.FromFolder(Path.Combine(_folder, "none")));
    }

    [Fact]
    public void Evaluation_models_carry_their_names_and_hashes()
    {
        using DisposeScope scope = NewDisposeScope();
        WriteDino("\"model_type\": \"vit\"");
        using EvaluationModels models = EvaluationModels.FromFolders(_folder, null, _folder + Path.DirectorySeparatorChar);
        Assert.Null(models.Clip);
        Assert.Equal(["DINO", "patch quality"], models.Identities.Select(m => m.Role));
        Assert.All(models.Identities, m => Assert.Equal(Path.GetFileName(_folder), m.Name));
        Assert.All(models.Identities, m => Assert.Equal(64, m.Sha256.Length));
        PersonalizationMetrics metrics = models.CreateEvaluator().Evaluate(
            [new("a", "a thing", TestImages.Blocks(1, 32, 32, 4), [TestImages.Blocks(1, 32, 32, 4)])]);
        Assert.Equal(1, metrics.Dino!.Mean, 1e-5);
        Assert.Equal(1, metrics.PatchQuality!.Mean, 1e-5);
        Assert.Equal(models.Identities, metrics.Models);
        Assert.Throws<ModelFileNotFoundException>(() => EvaluationModels.FromFolders(_folder, Path.Combine(_folder, "none"), null));
    }

    private void WriteDino(string kind)
    {
        string json = $$"""{ {{kind}}, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "image_size": 32, "patch_size": 8 }""";
        File.WriteAllText(Path.Combine(_folder, "config.json"), json);
        using DinoVisionTransformer model = new(DinoConfig.FromJson(ModelConfig.Parse(json, "config.json")));
        SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), model.state_dict());
    }
}
