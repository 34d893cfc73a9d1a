using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.Tests.PatchEncoders;
using PatchDpo.Torch.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>Self-supervised patch training of every kind of encoder, with and without a head.</summary>
public sealed class PatchEncoderEncodersTests : IDisposable
{
    private static readonly ImageBuffer[] Pictures = [.. Enumerable.Range(0, 4).Select(i => TestImages.Blocks(i, 60, 48, 6))];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Kinds => new(TinyEncoders.Kinds);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void All_that_patch_features_pass_through_has_gradients_and_nothing_else(string kind)
    {
        using DisposeScope scope = NewDisposeScope();
        using ITrainableVisionEncoder encoder = TinyEncoders.Create(kind);
        Tensor pixels = rand([2, 3, 32, 32], generator: new Generator(1));
        using (VisionFeatures features = encoder.ForwardFeatures(pixels))
            (features.Patches * randn(features.Patches.shape, generator: new Generator(2))).sum().backward();
        HashSet<Parameter> named = new(encoder.PatchParameters.SelectMany(g => g), ReferenceEqualityComparer.Instance);
        foreach ((string name, Parameter parameter) in ((nn.Module)encoder).named_parameters())
        {
            // Hidden patches are a matter of DINOv2's own training.
            if (name != "mask_token")
                Assert.True(named.Contains(parameter) == (parameter.grad is not null),
                    $"{name}: gradient {parameter.grad is not null}, named {named.Contains(parameter)}");
        }
        Assert.True(encoder.PatchParameters.Count >= 2);
        Assert.Equal(named.Count, encoder.PatchParameters.Sum(g => g.Count));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_last_blocks_and_the_head_are_trained_and_the_rest_stays(string kind)
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchHeadEncoder encoder = new(TinyEncoders.Create(kind), 5);
        nn.Module module = (nn.Module)encoder.Encoder;
        IReadOnlyList<IReadOnlyList<Parameter>> groups = encoder.PatchParameters;
        Parameter[] all = [.. module.parameters(), .. groups[^1]];
        HashSet<Parameter> last = new(groups[^2].Concat(groups[^1]), ReferenceEqualityComparer.Instance);
        Tensor[] before = [.. all.Select(p => p.detach().clone())], buffers = [.. module.buffers().Select(b => b.clone())];
        Train(encoder, new() { TrainedBlocks = 1, MaxSteps = 2, BatchSize = 2, PointsPerImage = 8, LearningRate = 0.01, CropSize = 32, PhotoSize = 40 });
        for (int i = 0; i < all.Length; i++)
            Assert.True(last.Contains(all[i]) || before[i].equal(all[i]).all().ToBoolean(), $"parameter {i} changed");
        Assert.Contains(Enumerable.Range(0, all.Length), i => groups[^2].Any(p => ReferenceEquals(p, all[i])) && !before[i].allclose(all[i]));
        Assert.All(module.buffers().Zip(buffers), b => Assert.True(b.First.equal(b.Second).all().ToBoolean()));
        Assert.All(all, p => Assert.True(p.requires_grad));
        Assert.False(module.training);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_was_saved_opens_again_with_and_without_a_head(string kind)
    {
        using DisposeScope scope = NewDisposeScope();
        using ITrainableVisionEncoder below = TinyEncoders.Create(kind);
        Tensor pixels = rand([1, 3, 32, 32], generator: new Generator(1));
        using PatchHeadEncoder headed = new(below, 7);
        string folder = _folder.File("encoder");
        PatchEncoder.Save(headed, folder);
        using (IVisionEncoder opened = PatchEncoder.FromFolder(folder))
        {
            Assert.Equal(7, Assert.IsType<PatchHeadEncoder>(opened).Dimension);
            Assert.Equal(below.GetType(), ((PatchHeadEncoder)opened).Encoder.GetType());
            Fixtures.AssertClose(opened.Encode(pixels).Patches, headed.Encode(pixels).Patches, 1e-6, "patches");
            Fixtures.AssertClose(opened.Encode(pixels).Global, below.Encode(pixels).Global, 1e-6, "global");
        }
        PatchEncoder.Save(below, folder);
        VisionEncoderOptions choices = (below as IConfiguredEncoder)?.Options ?? new();
        using (IVisionEncoder opened = PatchEncoder.FromFolder(folder, options: choices))
        {
            Assert.IsType(below.GetType(), opened);
            Fixtures.AssertClose(opened.Encode(pixels).Patches, below.Encode(pixels).Patches, 1e-6, "patches without head");
        }
    }

    [Fact]
    public void Heads_that_are_made_saved_and_opened_leave_nothing_behind()
    {
        string folder = _folder.File("encoder");
        // What the creation of the encoder itself leaves is not the head's.
        Assert.Equal(Growth(e => e), Growth(e => new PatchHeadEncoder(e, 7)));

        long Growth(Func<ITrainableVisionEncoder, ITrainableVisionEncoder> with)
        {
            long before = 0;
            for (int run = 0; run < 2; run++)
            {
                before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
                using ITrainableVisionEncoder encoder = with(TinyEncoders.Create("DINO"));
                PatchEncoder.Save(encoder, folder);
                PatchEncoder.FromFolder(folder).Dispose();
            }
            return DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
        }
    }

    [Fact]
    public void A_head_that_does_not_fit_is_named()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchHeadEncoder headed = new(TinyEncoders.Create("CIFAR ResNet"), 7);
        string folder = _folder.File("encoder");
        PatchEncoder.Save(headed, folder);
        UnknownModelException e = Assert.Throws<UnknownModelException>(()
            => PatchEncoder.FromFolder(folder, options: new VisionEncoderOptions { PatchStages = [1] }));
        Assert.Contains("(D,4), not (7,12)", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => PatchEncoder.Save(new PixelEncoder(32, 8), folder));
    }

    [Fact]
    public void A_fresh_head_whitens_and_one_that_has_learnt_goes_on()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchHeadEncoder headed = new(TinyEncoders.Create("DINO"), 9);
        Tensor features = randn([4000, 12], generator: new Generator(3)).matmul(randn([12, 12], generator: new Generator(4))) + 3;
        headed.Whiten(features, new Generator(5));
        Parameter weight = headed.PatchParameters[^1][0], bias = headed.PatchParameters[^1][1];
        Tensor white = features.matmul(weight.t()) + bias;
        Fixtures.AssertClose(white.mean([0]), zeros(9), 1e-3, "mean");
        Tensor covariance = white.t().matmul(white) / 3999;
        Assert.True((covariance - eye(9)).abs().max().item<float>() < 0.2, "the head does not whiten");

        PatchEncoderTrainerOptions still = new() { TrainedBlocks = 0, MaxSteps = 1, BatchSize = 2, PointsPerImage = 8, LearningRate = 1e-9 };
        Train(headed, still);
        Tensor learnt = weight.detach().clone();
        Train(headed, still);
        Fixtures.AssertClose(learnt, weight, 1e-6, "weight");
        Assert.False(learnt.allclose(weight + 1e-3));
    }

    [Fact]
    public void Training_on_photos_makes_patches_of_others_match_better_and_leaves_nothing_behind()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchHeadEncoder encoder = new(TinyEncoders.Create("CIFAR ResNet"), 12);
        HomographyPair[] unseen = [.. HomographyPair.Synthetic(Enumerable.Range(50, 3).Select(i => TestImages.Blocks(i, 64, 64, 5)), side: 64, seed: 1)];
        double before = PatchMatchingAccuracy.Measure(encoder.Encoder, unseen).Accuracy;
        PatchEncoderTrainerOptions options = new() { MaxSteps = 40, BatchSize = 4, PointsPerImage = 24, LearningRate = 5e-3, CropSize = 32, PhotoSize = 48,
            RecolouredNegatives = false, FlipProbability = 0 };
        LeakCheck.Run(() => Train(encoder, options));
        double after = PatchMatchingAccuracy.Measure(encoder, unseen).Accuracy;
        Assert.True(after > before + 0.05, $"matching accuracy {before:f3} -> {after:f3}");
    }

    [Fact]
    public void There_must_be_something_to_train()
    {
        using DisposeScope scope = NewDisposeScope();
        using ITrainableVisionEncoder encoder = TinyEncoders.Create("VGG");
        Assert.Contains("TrainedBlocks", Assert.Throws<ArgumentException>(() => Train(encoder, new() { TrainedBlocks = 0 })).Message, StringComparison.Ordinal);
        Assert.Throws<EmptyDataException>(() => new PatchEncoderTrainer().Train(encoder, []));
        using ITrainableVisionEncoder clip = TinyEncoders.Create("CLIP");
        Assert.Contains("32,32", Assert.Throws<ArgumentException>(() => Train(clip, new() { CropSize = 48, BatchSize = 1 })).Message, StringComparison.Ordinal);
    }

    private static void Train(ITrainableVisionEncoder encoder, PatchEncoderTrainerOptions options) => new PatchEncoderTrainer(options).Train(encoder, Pictures);
}
