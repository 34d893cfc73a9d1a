using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Tests.Clip;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision;

/// <summary>The full-size models have the published checkpoints' keys and shapes; built on the meta device, without storage.</summary>
public class VisionManifestTests
{
    [Theory]
    [InlineData("dino_vits16", 384, 6)]
    [InlineData("dino_vitb16", 768, 12)]
    public void Dino_fits_the_published_checkpoint(string name, int dim, int heads) => Check(name, () => Dino(dim, heads));

    [Theory]
    [InlineData("dinov2_vits14", 384, 6, 0)]
    [InlineData("dinov2_vitb14", 768, 12, 0)]
    [InlineData("dinov2_vits14_reg4", 384, 6, 4)]
    [InlineData("dinov2_vitb14_reg4", 768, 12, 4)]
    public void DinoV2_fits_the_published_checkpoint(string name, int dim, int heads, int registers) => Check(name, () => DinoV2(dim, heads, registers));

    [Fact]
    public void Clip_fits_the_published_checkpoint() => Check("clip_vit_b32_hf", ClipVitB32);

    [Theory]
    [InlineData("clip_l_text_hf", 768, 12, 12, null, ClipActivation.QuickGelu)]
    [InlineData("openclip_bigg_text_hf", 1280, 32, 20, 1280, ClipActivation.Gelu)]
    public void Text_encoders_fit_the_published_checkpoints(string name, int dim, int layers, int heads, int? projection, ClipActivation activation)
        => Check(name, () => new ClipTextEncoder(
            new() { HiddenSize = dim, NumLayers = layers, NumHeads = heads, VocabularySize = 49408, ProjectionDim = projection,
                Activation = activation }, META));

    [Fact]
    public void The_adapters_image_encoder_fits_the_published_checkpoint() => Check("clip_vit_h14_vision_hf", () => new ClipVisionEncoder(
        new() { HiddenSize = 1280, NumLayers = 32, NumHeads = 16, ImageSize = 224, PatchSize = 14, ProjectionDim = 1024,
            Activation = ClipActivation.Gelu }, META));

    [Theory]
    [InlineData("dino_vits16_hf", "dino_vits16")]
    [InlineData("dino_vitb16_hf", "dino_vitb16")]
    [InlineData("dinov2_vits14_hf", "dinov2_vits14")]
    [InlineData("dinov2_vitb14_hf", "dinov2_vitb14")]
    public void Hugging_Faces_names_map_to_every_key_of_the_original(string theirs, string ours)
        => CheckMap(theirs, VitKeyMap.Wrap, Manifest.Read(ours));

    [Fact]
    public void OpenAIs_names_map_to_every_key_of_Hugging_Faces()
        => CheckMap("clip_vit_b32_openai", ClipKeyMap.Wrap, Manifest.Read("clip_vit_b32_hf"));

    private static void Check(string name, Func<nn.Module> create)
    {
        using DisposeScope scope = NewDisposeScope();
        using nn.Module model = create();
        Manifest.AssertSame(Manifest.Read(name), model);
    }

    private static void CheckMap(string name, Func<ITensorSource, ITensorSource> wrap, Dictionary<string, long[]> expected)
    {
        using DisposeScope scope = NewDisposeScope();
        ITensorSource mapped = wrap(new DictionaryTensorSource(Manifest.MetaTensors(name), name));
        Assert.Equal(
            expected.Select(m => $"{m.Key} {string.Join('x', m.Value)}").Order(StringComparer.Ordinal),
            mapped.Keys.Select(k => $"{k} {string.Join('x', mapped.Shape(k))}").Order(StringComparer.Ordinal));
        // What is read has the promised shape.
        foreach (string key in mapped.Keys.Where(k => k.Contains(".0.", StringComparison.Ordinal) || k.Contains("proj", StringComparison.Ordinal)))
            Assert.Equal(mapped.Shape(key), mapped.Read(key, META).shape);
    }

    private static DinoVisionTransformer Dino(int dim, int heads)
        => new(new DinoConfig { ImageSize = 224, PatchSize = 16, EmbedDim = dim, Depth = 12, NumHeads = heads }, META);

    private static DinoV2VisionTransformer DinoV2(int dim, int heads, int registers)
        => new(new DinoV2Config { ImageSize = 518, PatchSize = 14, EmbedDim = dim, Depth = 12, NumHeads = heads, RegisterTokens = registers }, META);

    private static ClipModel ClipVitB32() => new(
        new() { HiddenSize = 512, NumLayers = 12, NumHeads = 8, VocabularySize = 49408, ProjectionDim = 512 },
        new() { HiddenSize = 768, NumLayers = 12, NumHeads = 12, ImageSize = 224, PatchSize = 32, ProjectionDim = 512 },
        ClipFixture.TinyTokenizer(77), META);
}
