using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Vision.Cnn;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision.Cnn;

public sealed class CifarResNetTests
{
    // Computed with PyTorch 1.13.1 from the reference's definition and the same sequences.
    [Fact]
    public void Every_map_and_the_classes_match_the_reference()
    {
        using DisposeScope scope = NewDisposeScope();
        using CifarResNet model = new(new CifarResNetConfig { Width = 4, BlocksPerStage = 2, NumClasses = 5 });
        SequenceWeights.Fill(model);
        model.eval();
        Tensor pixels = SequenceWeights.Pixels(21, 18);
        IReadOnlyList<Tensor> maps = model.FeatureMaps(pixels);
        Assert.Equal([1, 16, 6, 5], maps[3].shape);
        SequenceWeights.AssertSums(maps[0], 0.13681079, -0.05702967, "stem");
        SequenceWeights.AssertSums(maps[1], 0.26948064, -0.11079456, "stage 1");
        SequenceWeights.AssertSums(maps[2], 0.30573529, 0.01282491, "stage 2");
        SequenceWeights.AssertSums(maps[3], 0.28081287, 0.08549369, "stage 3");
        Fixtures.AssertClose(model.Classify(pixels), tensor(new[,] { { 0.03950663, 0.13115688, 0.18006518, -0.14464566, 0.23050386 } }), 5e-6, "classes");
    }

    [SkippableFact]
    public void The_published_ResNet_20_gives_the_features_that_PyTorch_computes()
    {
        string path = Fixtures.SharedOrSkip("real", "weights", "resnet20-cifar10.th");
        using DisposeScope scope = NewDisposeScope();
        using CifarResNet model = Assert.IsType<CifarResNet>(PatchEncoder.FromFile(path));
        Assert.Equal((3, 16, 10, false), (model.Config.BlocksPerStage, model.Config.Width, model.Config.NumClasses, model.training));
        Tensor pixels = SequenceWeights.Pixels(32, 32);
        IReadOnlyList<Tensor> maps = model.FeatureMaps(pixels);
        SequenceWeights.AssertSums(maps[0], 0.40085374, 0.09305875, "stem");
        SequenceWeights.AssertSums(maps[1], 0.73901167, -0.28267874, "stage 1");
        SequenceWeights.AssertSums(maps[2], 0.45063408, -0.10108903, "stage 2");
        SequenceWeights.AssertSums(maps[3], 0.59316124, 0.52533185, "stage 3");
        Tensor expected = tensor(new[,] { { -8.544893, -8.526064, 10.047663, 9.908453, 7.468108, -2.724566, 1.405784, -1.513798, -7.624182, 0.103959 } });
        Fixtures.AssertClose(model.Classify(pixels), expected, 5e-5, "classes");
    }

    [Fact]
    public void Images_are_brought_to_the_size_that_it_was_trained_on_or_to_another()
    {
        using DisposeScope scope = NewDisposeScope();
        using CifarResNet model = new(new CifarResNetConfig { Width = 4, BlocksPerStage = 1, NumClasses = null }) { PatchStages = [2] };
        Tensor pixels = model.Preprocessor.Preprocess(TestImages.Blocks(1, 60, 40, 8));
        Assert.Equal([3, 32, 32], pixels.shape);
        Assert.Equal([1, 16, 16, 8], model.Encode(pixels.unsqueeze(0)).Patches.shape);
        Assert.Throws<InvalidOperationException>(() => model.Classify(pixels.unsqueeze(0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CifarResNet(new CifarResNetConfig()) { PatchStages = [4] });
    }
}
