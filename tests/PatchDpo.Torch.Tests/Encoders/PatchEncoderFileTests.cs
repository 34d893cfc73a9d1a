using PatchDpo.Tests;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Tests.Vision;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>Encoders from lone files of weights: the keys and shapes tell which it is.</summary>
public sealed class PatchEncoderFileTests : IDisposable
{
    private static readonly DinoConfig TinyDino = new() { ImageSize = 32, PatchSize = 8, EmbedDim = 64, Depth = 2, NumHeads = 1, IntermediateSize = 96 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("dino_vits16", 224, 16, 6, 0)]
    [InlineData("dino_vitb16_hf", 224, 16, 12, 0)]
    [InlineData("dinov2_vits14", 518, 14, 6, 0)]
    [InlineData("dinov2_vitb14_hf", 518, 14, 12, 0)]
    [InlineData("dinov2_vitb14_reg4", 518, 14, 12, 4)]
    public void Published_vision_transformers_are_recognised(string manifest, int image, int patch, int heads, int registers)
    {
        using DisposeScope scope = NewDisposeScope();
        using IVisionEncoder encoder = OpenManifest(manifest);
        if (manifest.StartsWith("dinov2", StringComparison.Ordinal))
        {
            DinoV2Config config = Assert.IsType<DinoV2VisionTransformer>(encoder).Config;
            Assert.Equal((image, patch, heads, 12, registers), (config.ImageSize, config.PatchSize, config.NumHeads, config.Depth, config.RegisterTokens));
        }
        else
        {
            DinoConfig config = Assert.IsType<DinoVisionTransformer>(encoder).Config;
            Assert.Equal((image, patch, heads, 12, 4 * config.EmbedDim),
                (config.ImageSize, config.PatchSize, config.NumHeads, config.Depth, config.IntermediateSize));
        }
    }

    [Fact]
    public void OpenAIs_CLIP_is_recognised_and_the_text_tower_left_out()
    {
        using DisposeScope scope = NewDisposeScope();
        using ClipVisionEncoder encoder = Assert.IsType<ClipVisionEncoder>(OpenManifest("clip_vit_b32_openai"));
        Assert.Equal((768, 3072, 12, 12, 224, 32, 512), (encoder.Config.HiddenSize, encoder.Config.IntermediateSize, encoder.Config.NumLayers,
            encoder.Config.NumHeads, encoder.Config.ImageSize, encoder.Config.PatchSize, encoder.Config.ProjectionDim));
        Assert.Throws<ArgumentException>(() => OpenManifest("clip_vit_b32_openai", new VisionEncoderOptions { ImageSize = 256 }));
    }

    [Theory]
    [InlineData("resnet18", false, new[] { 2, 2, 2, 2 })]
    [InlineData("resnet50", true, new[] { 3, 4, 6, 3 })]
    public void Published_ResNets_are_recognised(string manifest, bool bottleneck, int[] layers)
    {
        using DisposeScope scope = NewDisposeScope();
        using ResNet encoder = Assert.IsType<ResNet>(OpenManifest(manifest, new VisionEncoderOptions { PatchStages = [3] }));
        Assert.Equal((bottleneck, 64, 1000, 3), (encoder.Config.Bottleneck, encoder.Config.Width, encoder.Config.NumClasses, encoder.PatchStages[^1]));
        Assert.Equal(layers, encoder.Config.Layers);
    }

    [Fact]
    public void The_published_VGG_16_is_recognised()
    {
        using DisposeScope scope = NewDisposeScope();
        using Vgg encoder = Assert.IsType<Vgg>(OpenManifest("vgg16"));
        Assert.Equal(VggConfig.Vgg16.Layers, encoder.Config.Layers);
        Assert.Equal((1000, 5), (encoder.Config.NumClasses, encoder.PatchStages[^1]));
    }

    [Theory]
    [InlineData("clip_vit_b32_hf", "config.json")]
    [InlineData("sdxl_vae", "convhead2.weight")]
    [InlineData("sdxl_vae", "autoencoder")]
    public void A_file_that_is_no_encoder_or_does_not_tell_its_shape_is_refused_with_what_was_looked_for(string manifest, string expected)
    {
        using DisposeScope scope = NewDisposeScope();
        UnknownModelException e = Assert.Throws<UnknownModelException>(() => OpenManifest(manifest));
        Assert.Equal(manifest, e.Path);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_self_distillation_the_teacher_is_opened()
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer student = new(TinyDino), teacher = new(TinyDino);
        string path = Write("full.pth", Prefixed(student, "student.module.backbone.").Concat(Prefixed(teacher, "teacher.backbone."))
            .Append(new("teacher.head.weight", ones(2))));
        using IVisionEncoder encoder = PatchEncoder.FromFile(path);
        Tensor pixels = randn(1, 3, 32, 40);
        Fixtures.AssertClose(encoder.Encode(pixels).Patches, teacher.Encode(pixels).Patches, 0, "patches");
        Assert.Equal(TinyDino, Assert.IsType<DinoVisionTransformer>(encoder).Config);
    }

    [Fact]
    public void Networks_without_counts_of_batches_load_under_a_prefix()
    {
        using DisposeScope scope = NewDisposeScope();
        using CifarResNet cifar = new(new CifarResNetConfig { Width = 4, BlocksPerStage = 2 });
        using ResNet resNet = new(new ResNetConfig { Bottleneck = true, Layers = [1, 2, 1, 1], Width = 4, NumClasses = null });
        using Alike alike = new(new AlikeConfig { Channels = [4, 6, 8, 10], DescriptorDim = 12, SingleHead = false });
        using Vgg vgg = new(new VggConfig { Layers = [4, 4, 0, 6, 0], NumClasses = null });
        Tensor pixels = rand(2, 3, 64, 48);
        foreach (ConvolutionalEncoder original in new ConvolutionalEncoder[] { cifar, resNet, alike, vgg })
        {
            SequenceWeights.Fill(original);
            original.eval();
            string path = Write("model.th", Prefixed(original, "state_dict.module.")
                .Where(t => !t.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)));
            using IVisionEncoder encoder = PatchEncoder.FromFile(path, options: new VisionEncoderOptions { PatchStages = [1], PatchSize = 16 });
            Assert.IsType(original.GetType(), encoder);
            Assert.Equal([2, 4, 3], encoder.Encode(pixels).Patches.shape[..3]);
            Fixtures.AssertClose(encoder.Encode(pixels).Global, original.Encode(pixels).Global, 0, original.GetName());
        }
    }

    [Fact]
    public void A_folders_only_file_of_weights_needs_no_configuration()
    {
        using DisposeScope scope = NewDisposeScope();
        using CifarResNet original = new(new CifarResNetConfig { Width = 4, BlocksPerStage = 1, NumClasses = null });
        Write("resnet8.th", Prefixed(original, ""));
        File.WriteAllText(_folder.File("README.md"), "A small network.");
        using (IVisionEncoder encoder = PatchEncoder.FromFolder(_folder.File("")))
            Assert.IsType<CifarResNet>(encoder);
        File.Copy(_folder.File("resnet8.th"), _folder.File("other.pth"));
        ModelFileNotFoundException e = Assert.Throws<ModelFileNotFoundException>(() => PatchEncoder.FromFolder(_folder.File("")));
        Assert.Contains("a single *.th", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_with_a_ResNets_or_VGGs_fields_opens()
    {
        using DisposeScope scope = NewDisposeScope();
        File.WriteAllText(_folder.File("config.json"), """{"layers": [4, 0, 6, 0]}""");
        using Vgg vgg = new(new VggConfig { Layers = [4, 0, 6, 0], NumClasses = null });
        Write("model.safetensors", Prefixed(vgg, ""));
        using IVisionEncoder encoder = PatchEncoder.FromFolder(_folder.File(""), options: new VisionEncoderOptions { PatchStages = [1], ImageSize = 64 });
        Assert.Equal([1, 32, 32, 4], encoder.Encode(encoder.Preprocessor.Preprocess(TestImages.Blocks(1, 90, 70, 8)).unsqueeze(0)).Patches.shape);
    }

    [Fact]
    public void Options_that_an_encoder_has_not_are_refused_and_those_that_it_has_are_taken()
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer dino = new(TinyDino);
        string path = Write("dino.pth", Prefixed(dino, ""));
        Assert.Contains("PatchStage", Assert.Throws<ArgumentException>(() => PatchEncoder.FromFile(path, options: new VisionEncoderOptions { PatchStages = [1] }))
            .Message, StringComparison.Ordinal);
        using (IVisionEncoder encoder = PatchEncoder.FromFile(path, options: new VisionEncoderOptions { ImageSize = 48 }))
            Assert.Equal([3, 48, 48], encoder.Preprocessor.Preprocess(TestImages.Blocks(1, 60, 80, 8)).shape);

        using CifarResNet cifar = new(new CifarResNetConfig { Width = 4, BlocksPerStage = 1, NumClasses = null });
        path = Write("cifar.th", Prefixed(cifar, ""));
        Assert.Throws<ArgumentOutOfRangeException>(() => PatchEncoder.FromFile(path, options: new VisionEncoderOptions { PatchStages = [4] }));
    }

    [Fact]
    public void Shapes_that_no_encoder_has_are_refused_with_file_and_key()
    {
        using DisposeScope scope = NewDisposeScope();
        AssertRefused("conv1.weight", ("layer3.0.conv1.weight", [4, 4, 3, 3]), ("conv1.weight", [4, 3, 5, 5]));
        AssertRefused("conv1.weight", ("layer4.0.conv1.weight", [4, 4, 3, 3]), ("conv1.weight", [4]));
        AssertRefused("layer1.0.conv1.weight", ("layer4.0.conv1.weight", [4, 4, 3, 3]), ("conv1.weight", [4, 3, 7, 7]));
        AssertRefused("convhead2.weight", ("convhead2.weight", [15, 14, 1, 1]));
        AssertRefused("convhead2.weight", ("convhead2.weight", [0, 12, 1, 1]));
        AssertRefused("features.4.weight", ("features.0.weight", [4, 3, 3, 3]), ("features.4.weight", [4, 4, 3, 3]));
        AssertRefused("pos_embed", ("blocks.0.attn.qkv.weight", [192, 64]), ("cls_token", [1, 1, 64]), ("patch_embed.proj.weight", [64, 3, 8, 8]),
            ("pos_embed", [1, 16, 64]));
        AssertRefused("cls_token", ("blocks.0.attn.qkv.weight", [72, 24]), ("cls_token", [1, 1, 24]), ("patch_embed.proj.weight", [24, 3, 8, 8]),
            ("pos_embed", [1, 17, 24]), ("blocks.0.norm1.weight", [24]));
        AssertRefused("features.0.weight", ("a.features.0.weight", [4, 3, 3, 3]), ("b.features.0.weight", [4, 3, 3, 3]));
        AssertRefused(null, ("weight", [1]));
    }

    private void AssertRefused(string? key, params (string Key, long[] Shape)[] tensors)
    {
        string path = Write("bad.pth", tensors.Select(t => KeyValuePair.Create(t.Key, zeros(t.Shape))));
        UnknownModelException e = Assert.Throws<UnknownModelException>(() => PatchEncoder.FromFile(path));
        Assert.Equal((path, key), (e.Path, e.Key));
    }

    // The content decides what kind of file it is, not the name.
    private string Write(string name, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        string path = _folder.File(name);
        SafetensorsWriter.Write(path, tensors.ToDictionary());
        return path;
    }

    private static IEnumerable<KeyValuePair<string, Tensor>> Prefixed(nn.Module module, string prefix)
        => module.state_dict().Select(t => KeyValuePair.Create(prefix + t.Key, t.Value));

    /// <summary>Opens an encoder of full size without storage.</summary>
    private static IVisionEncoder OpenManifest(string name, VisionEncoderOptions? options = null)
        => EncoderKinds.Open(new DictionaryTensorSource(Manifest.MetaTensors(name), name), META, null, options ?? new VisionEncoderOptions());
}
