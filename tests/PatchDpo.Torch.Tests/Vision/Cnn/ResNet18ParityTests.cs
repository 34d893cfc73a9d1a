using System.Text.Json;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision.Cnn;

/// <summary>ImageNet's ResNet-18 as its package brings it, against PyTorch with the same weights.</summary>
public sealed class ResNet18ParityTests
{
    public static TheoryData<string> Fixture() => FixtureCases.Json("18_resnet18_imagenet");

    [Theory]
    [MemberData(nameof(Fixture))]
    public void Every_stage_and_the_pooled_feature_match_the_reference(string json)
    {
        LeakCheck.Run(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            JsonElement fixture = Fixtures.Json(json);
            Dictionary<string, Tensor> io = Fixtures.Tensors(FixtureCases.Sibling(json, ".io.safetensors"));
            using var encoder = (ResNet)PatchEncoder.LoadResNet18();
            Assert.Equal(fixture.GetProperty("blocks").EnumerateArray().Select(b => b.GetInt32()), encoder.Config.Layers);
            Tensor rgb = io["in.rgb"];
            PixelNormalization normalization = Assert.IsType<ClassificationPreprocessor>(encoder.Preprocessor).Normalization;
            Tensor pixels = stack([.. Enumerable.Range(0, (int)rgb.shape[0]).Select(i => ImageTensors.FromImage(
                new ImageBuffer((int)rgb.shape[2], (int)rgb.shape[1], 3, rgb[i].contiguous().data<byte>().ToArray()), normalization))]);
            IReadOnlyList<Tensor> maps = encoder.FeatureMaps(pixels);
            int compared = 0;
            foreach ((string name, Tensor expected) in io.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
            {
                Tensor actual = name == "out.pooled" ? encoder.Encode(pixels).Global.reshape(expected.shape)
                    : name.StartsWith("out.layer", StringComparison.Ordinal) ? EveryChannel(maps[int.Parse(name["out.layer".Length..])])
                    : throw new NotSupportedException($"The fixture's output '{name}' is unknown.");
                Fixtures.AssertClose(actual, expected, FixtureCases.Tolerance(fixture, name), name);
                compared++;
            }
            Assert.Equal(5, compared);

            static Tensor EveryChannel(Tensor map) => map.slice(1, 0, map.shape[1], map.shape[1] / 16);
        });
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    public void Images_have_the_same_features_alone_and_in_a_batch(int batch)
    {
        LeakCheck.Run(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            using IVisionEncoder encoder = PatchEncoder.LoadResNet18();
            Tensor pixels = randn(batch, 3, 96, 64, generator: new Generator(5));
            using VisionFeatures together = encoder.Encode(pixels);
            Assert.True(together.Patches.is_contiguous());
            for (int i = 0; i < batch; i++)
            {
                using VisionFeatures alone = encoder.Encode(pixels.narrow(0, i, 1));
                Assert.InRange((alone.Patches[0] - together.Patches[i]).abs().max().item<float>(), 0, 1e-5f);
                Assert.InRange((alone.Global[0] - together.Global[i]).abs().max().item<float>(), 0, 1e-5f * alone.Global.abs().max().item<float>() + 1e-5f);
            }
        });
    }

    [Fact]
    public void Photos_get_stages_3_and_4_in_14_by_14_patches_unless_others_are_chosen()
    {
        using DisposeScope scope = NewDisposeScope();
        using IVisionEncoder encoder = PatchEncoder.LoadResNet18();
        var image = new ImageBuffer(100, 80, 3, new byte[100 * 80 * 3]);
        Assert.Equal([1, 14, 14, 256 + 512], encoder.Encode(encoder.Preprocessor.Preprocess(image).unsqueeze(0)).Patches.shape);
        using IVisionEncoder finer = PatchEncoder.LoadResNet18(options: new VisionEncoderOptions { PatchStages = [2, 3, 4], ImageSize = 448 });
        Assert.Equal([1, 28, 28, 128 + 256 + 512], finer.Encode(finer.Preprocessor.Preprocess(image).unsqueeze(0)).Patches.shape);
        using IVisionEncoder last = PatchEncoder.LoadResNet18(options: new VisionEncoderOptions { PatchStages = [4] });
        Assert.Equal([1, 7, 7, 512], last.Encode(last.Preprocessor.Preprocess(image).unsqueeze(0)).Patches.shape);
    }

    [Fact]
    public void The_weights_are_listed_under_their_own_names()
    {
        using ITensorFile file = WeightsFile.Open(ResNet18Model.Path);
        Assert.Equal(110, file.Keys.Count);
        Assert.Equal([64, 3, 7, 7], file.Shape("Parameter91"));
    }
}
