using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Vision.Cnn;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Tests.Vision.Cnn;

/// <summary>What all convolutional encoders share: stages, patches, gradients, memory.</summary>
public sealed class ConvolutionalEncoderTests
{
    private static readonly ResNetConfig TinyResNet = new() { Bottleneck = false, Layers = [1, 1, 1, 1], Width = 4, NumClasses = null };
    private static readonly CifarResNetConfig Cifar = new() { Width = 4, BlocksPerStage = 1, NumClasses = null };

    [Fact]
    public void A_patch_is_the_average_of_the_stages_map_and_a_rest_is_dropped()
    {
        using DisposeScope scope = NewDisposeScope();
        using CifarResNet model = new(Cifar) { PatchStages = [2], PatchSize = 8 };
        model.eval();
        Tensor pixels = randn(2, 3, 19, 26);
        Tensor map = model.FeatureMaps(pixels)[2], patches = model.Encode(pixels).Patches;
        Assert.Equal([2, 2, 3, 8], patches.shape);
        Fixtures.AssertClose(patches[1, 1, 2], map[1, .., 4..8, 8..12].mean([1, 2]), 1e-6, "patch in the second row, third column");
    }

    [Fact]
    public void The_patch_size_decides_the_grid_and_a_coarser_map_is_enlarged()
    {
        using DisposeScope scope = NewDisposeScope();
        using ResNet model = new(TinyResNet) { PatchSize = 16, PatchStages = [4] };
        model.eval();
        Tensor pixels = randn(1, 3, 64, 96);
        Tensor patches = model.Encode(pixels).Patches, map = model.FeatureMaps(pixels)[4];
        Assert.Equal([1, 4, 6, 32], patches.shape);
        // The corner patch lies outside the cells' centres; the next but one a quarter of a cell from the first's.
        Fixtures.AssertClose(patches[0, 0, 0], map[0, .., 0, 0], 1e-6, "corner");
        Fixtures.AssertClose(patches[0, 0, 1], (map[0, .., 0, 0] * 0.75f) + (map[0, .., 0, 1] * 0.25f), 1e-6, "between two cells");
        using ResNet own = new(TinyResNet) { PatchStages = [4] };
        Assert.Equal([1, 2, 3, 32], own.Encode(pixels).Patches.shape);
        using ResNet finer = new(TinyResNet) { PatchSize = 16, PatchStages = [2] };
        Assert.Equal([1, 4, 6, 8], finer.Encode(pixels).Patches.shape);
    }

    [Theory]
    [InlineData(64, 96, 8, 12)]
    // Maps are rounded up: the last row of patches lies over 6 pixels.
    [InlineData(70, 90, 9, 11)]
    public void Any_set_of_stages_stands_side_by_side_each_of_length_1(int height, int width, int rows, int columns)
    {
        using DisposeScope scope = NewDisposeScope();
        // Of few channels some patch would have none above 0.
        random.manual_seed(1);
        using ResNet model = new(TinyResNet with { Width = 16 }) { PatchSize = 8, PatchStages = [4, 1, 2] };
        model.eval();
        Tensor pixels = randn(2, 3, height, width);
        Tensor patches = model.Encode(pixels).Patches;
        Assert.Equal([1, 2, 4], model.PatchStages);
        Assert.Equal([2, rows, columns, 16 + 32 + 128], patches.shape);
        Fixtures.AssertClose(patches.narrow(3, 16, 32).norm(-1), ones(2, rows, columns), 1e-5, "length of the second stage's part");
        Tensor second = functional.normalize(model.FeatureMaps(pixels)[2].narrow(2, 0, rows).narrow(3, 0, columns), dim: 1);
        Fixtures.AssertClose(patches.narrow(3, 16, 32), second.permute(0, 2, 3, 1), 1e-6, "the second stage's part");
        // The last is enlarged first.
        Fixtures.AssertClose(patches.narrow(3, 48, 128).norm(-1), ones(2, rows, columns), 1e-5, "length of the last stage's part");
        using ResNet coarsest = new(TinyResNet) { PatchStages = [1, 3] };
        Assert.Equal(16, coarsest.PatchSize);
    }

    [Fact]
    public void A_stage_that_is_not_there_or_appears_twice_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ResNet(TinyResNet) { PatchStages = [1, 5] });
        Assert.Throws<ArgumentException>(() => new VisionEncoderOptions { PatchStages = [1, 1] });
        Assert.Throws<ArgumentException>(() => new VisionEncoderOptions { PatchStages = [] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new VisionEncoderOptions { PatchStages = [0] });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-8)]
    [InlineData(12)]
    public void A_patch_size_that_is_no_power_of_two_is_refused(int size)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new CifarResNet(Cifar) { PatchSize = size });
        Assert.Throws<ArgumentOutOfRangeException>(() => new VisionEncoderOptions { PatchSize = size });
    }

    [Fact]
    public void An_image_smaller_than_a_patch_is_refused_with_both_sizes()
    {
        using DisposeScope scope = NewDisposeScope();
        using CifarResNet model = new(Cifar) { PatchSize = 16 };
        string message = Assert.Throws<ArgumentException>(() => model.Encode(zeros(1, 3, 15, 32))).Message;
        Assert.Contains("(1,3,15,32)", message, StringComparison.Ordinal);
        Assert.Contains("16", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_weight_that_patches_depend_on_gets_a_gradient()
    {
        using DisposeScope scope = NewDisposeScope();
        using CifarResNet cifar = new(Cifar);
        using Alike alike = new(new AlikeConfig { Channels = [8, 8, 8, 8], DescriptorDim = 32, SingleHead = false });
        Tensor pixels = SequenceWeights.Pixels(64, 96);
        foreach (ConvolutionalEncoder encoder in new ConvolutionalEncoder[] { cifar, alike })
        {
            // Weights that are always the same, so that no ReLU is silent by chance.
            SequenceWeights.Fill(encoder);
            Tensor patches = encoder.ForwardFeatures(pixels).Patches;
            (patches * tensor(SequenceWeights.Values(patches.numel(), 11)).to(float32).view(patches.shape)).sum().backward();
            foreach ((string name, TorchSharp.Modules.Parameter parameter) in encoder.named_parameters())
                Assert.True(parameter.grad is { } g && g.isfinite().all().item<bool>()
                    && g.abs().max().item<float>() > 0, $"{encoder.GetName()}: {name} has no gradient.");
        }
    }

    [Fact]
    public void Encoding_leaves_nothing_behind_and_weights_outlive_the_scope_they_were_made_in()
    {
        CifarResNet cifar;
        Alike alike;
        using (NewDisposeScope())
        {
            cifar = new(Cifar) { PatchStages = [1], PatchSize = 4 };
            alike = new(new AlikeConfig { Channels = [4, 4, 4, 4], DescriptorDim = 8 });
        }
        using ConvolutionalEncoder first = cifar, second = alike;
        using ResNet resNet = new(TinyResNet);
        using Vgg vgg = new(new VggConfig { Layers = [4, 0, 6, 0], NumClasses = null });
        using Tensor pixels = rand(1, 3, 33, 40);
        LeakCheck.Run(() =>
        {
            foreach (ConvolutionalEncoder encoder in new ConvolutionalEncoder[] { cifar, alike, resNet, vgg })
            {
                encoder.Encode(pixels).Dispose();
                encoder.call(pixels).Dispose();
                foreach (Tensor map in encoder.FeatureMaps(pixels))
                    map.Dispose();
            }
        });
    }
}
