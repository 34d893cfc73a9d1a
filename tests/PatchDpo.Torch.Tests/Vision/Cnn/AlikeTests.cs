using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Vision.Cnn;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision.Cnn;

public sealed class AlikeTests
{
    private static readonly AlikeConfig TinyConfig = new() { Channels = [4, 6, 8, 10], DescriptorDim = 12 };

    // Computed with PyTorch 1.13.1 from the reference's definition and the same sequences; no side is a multiple of 32.
    [Theory]
    [InlineData(true, 0.03575641, -0.01514979)]
    [InlineData(false, 0.26898325, 0.01398650)]
    public void Every_map_matches_the_reference(bool singleHead, double mean, double product)
    {
        using DisposeScope scope = NewDisposeScope();
        using Alike model = new(TinyConfig with { SingleHead = singleHead });
        SequenceWeights.Fill(model);
        model.eval();
        IReadOnlyList<Tensor> maps = model.FeatureMaps((SequenceWeights.Pixels(37, 45) + 1) / 2);
        Assert.Equal([1, 10, 2, 2], maps[3].shape);
        Assert.Equal([1, 12, 37, 45], maps[4].shape);
        SequenceWeights.AssertSums(maps[0], 0.09351010, -0.01748569, "block 1");
        SequenceWeights.AssertSums(maps[1], 0.17817380, 0.01283183, "block 2");
        SequenceWeights.AssertSums(maps[2], 0.32714278, 0.05349610, "block 3");
        SequenceWeights.AssertSums(maps[3], 0.34763532, 0.03690392, "block 4");
        SequenceWeights.AssertSums(maps[4], mean, product, "descriptors");
    }

    [SkippableFact]
    public void The_published_ALIKE_T_gives_the_features_that_PyTorch_computes()
    {
        string path = Fixtures.SharedOrSkip("real", "weights", "alike-t.pth");
        using DisposeScope scope = NewDisposeScope();
        using Alike model = Assert.IsType<Alike>(PatchEncoder.FromFile(path));
        Assert.Equal((64, true, false), (model.Config.DescriptorDim, model.Config.SingleHead, model.training));
        Assert.Equal(AlikeConfig.Tiny.Channels, model.Config.Channels);
        IReadOnlyList<Tensor> maps = model.FeatureMaps((SequenceWeights.Pixels(70, 50) + 1) / 2);
        SequenceWeights.AssertSums(maps[0], 0.58319411, 0.00316666, "block 1");
        SequenceWeights.AssertSums(maps[1], 1.97829976, -0.06257840, "block 2");
        SequenceWeights.AssertSums(maps[2], 1.73373245, 0.16423452, "block 3");
        SequenceWeights.AssertSums(maps[3], 1.73206635, 0.21247014, "block 4");
        SequenceWeights.AssertSums(maps[4], 0.01005280, 0.03599666, "descriptors");
    }

    [Fact]
    public void Images_become_512_pixels_wide_and_patches_16()
    {
        using DisposeScope scope = NewDisposeScope();
        using Alike model = new(TinyConfig);
        Tensor pixels = model.Preprocessor.Preprocess(TestImages.Create(40, 40, (_, _) => (255, 0, 51)));
        Assert.Equal([3, 512, 512], pixels.shape);
        Assert.Equal([1, 0, 0.2f], pixels[.., 100, 200].data<float>().ToArray());
        VisionFeatures features = model.Encode(zeros(1, 3, 64, 96));
        Assert.Equal([1, 4, 6, 12], features.Patches.shape);
        Assert.Equal([1, 12], features.Global.shape);
    }

    [Fact]
    public void A_batch_gives_the_features_of_its_images()
    {
        using DisposeScope scope = NewDisposeScope();
        using Alike model = new(TinyConfig) { PatchSize = 8 };
        model.eval();
        Tensor pixels = rand(3, 3, 40, 33);
        using VisionFeatures alone = model.Encode(pixels), together = model.ForwardFeatures(pixels);
        Fixtures.AssertClose(alone.Patches, together.Patches, 1e-5, "patches");
        Fixtures.AssertClose(alone.Global, together.Global, 1e-5, "global");
        Assert.False(alone.Patches.requires_grad);
    }

    [Fact]
    public void A_configuration_that_is_no_ALIKE_is_refused()
    {
        Assert.Throws<ArgumentException>(() => TinyConfig with { Channels = [4, 6, 8] });
        Assert.Throws<ArgumentOutOfRangeException>(() => TinyConfig with { DescriptorDim = 14 });
    }
}
