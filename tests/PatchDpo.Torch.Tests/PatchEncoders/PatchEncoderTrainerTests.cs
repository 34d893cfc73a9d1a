using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

public sealed class PatchEncoderTrainerTests
{
    private static readonly PatchEncoderTrainerOptions Quick = new() { MaxSteps = 60, BatchSize = 8, PointsPerImage = 24, LearningRate = 3e-3, WarmupSteps = 5,
        Seed = 7 };

    [Fact]
    public void Training_makes_patches_of_two_views_match_better()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential encoder = Encoder(1);
        Tensor images = Images(0, 24);
        List<PatchEncoderProgress> progress = [];
        double before = Accuracy(encoder);
        new PatchEncoderTrainer(Quick).Train(encoder, x => encoder.call(x).permute(0, 2, 3, 1), images, progress.Add);
        double after = Accuracy(encoder);
        Assert.Equal(Enumerable.Range(1, 60), progress.Select(p => p.Step));
        Assert.True(progress[^1].Loss < progress[0].Loss, $"loss {progress[0].Loss} -> {progress[^1].Loss}");
        Assert.True(after > before + 0.1, $"matching accuracy {before:f3} -> {after:f3}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_weights()
    {
        using DisposeScope scope = NewDisposeScope();
        PatchEncoderTrainerOptions options = new() { MaxSteps = 3, BatchSize = 4, PointsPerImage = 8, Seed = 9 };
        Tensor Train(PatchEncoderTrainerOptions o)
        {
            Sequential encoder = Encoder(2);
            new PatchEncoderTrainer(o).Train(encoder, x => encoder.call(x).permute(0, 2, 3, 1), Images(0, 6));
            return cat([.. encoder.parameters().Select(p => p.detach().flatten())]);
        }
        Fixtures.AssertClose(Train(options), Train(options), 0, "weights");
        Assert.False(Train(options).allclose(Train(new() { MaxSteps = 3, BatchSize = 4, PointsPerImage = 8, Seed = 10 })));
    }

    [Fact]
    public void Masked_negatives_do_not_count()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor a = eye(3), b = eye(3);
        Tensor all = ones(3, 3, dtype: ScalarType.Bool), none = zeros(3, 3, dtype: ScalarType.Bool);
        Assert.Equal(0, PatchContrast.Loss(a, b, all, 0.1, null, null).Loss.item<float>(), 1e-6);
        // One positive at cosine 1 against two negatives at cosine 0, temperature 0.5.
        double expected = Math.Log(1 + (2 * Math.Exp(-2)));
        Assert.Equal(expected, PatchContrast.Loss(a, b, none, 0.5, null, null).Loss.item<float>(), 1e-5);
        // Two more negatives at cosine 0 (the third is masked) in the first direction only.
        Tensor masked = eye(3, dtype: ScalarType.Bool);
        double withMore = (Math.Log(1 + (4 * Math.Exp(-2))) + expected) / 2;
        Assert.Equal(withMore, PatchContrast.Loss(a, b, none, 0.5, eye(3), masked).Loss.item<float>(), 1e-5);
    }

    [Fact]
    public void Faults_have_their_own_errors_and_leave_the_modes_as_they_were()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential encoder = Encoder(3);
        encoder.eval();
        Tensor Features(Tensor x) => encoder.call(x).permute(0, 2, 3, 1);
        PatchEncoderTrainer trainer = new(Quick);
        Assert.Throws<EmptyDataException>(() => trainer.Train(encoder, Features, zeros(0, 3, 32, 32)));
        Assert.Throws<EmptyDataException>(() => trainer.Train(encoder, Features, [], new PixelEncoder(32, 8)));
        Assert.Throws<ArgumentException>(() => trainer.Train(encoder, Features, zeros(3, 32, 32)));
        NonFiniteLossException error = Assert.Throws<NonFiniteLossException>(() => trainer.Train(encoder, Features, full([2, 3, 32, 32], float.NaN)));
        Assert.Equal(1, error.Step);
        using CancellationTokenSource source = new();
        Assert.Throws<OperationCanceledException>(() => trainer.Train(encoder, Features, Images(0, 4), p => source.Cancel(), source.Token));
        Assert.False(encoder.training);
        foreach (Parameter parameter in encoder.parameters())
            parameter.requires_grad = false;
        Assert.Contains("no parameter", Assert.Throws<ArgumentException>(() => trainer.Train(encoder, Features, Images(0, 4))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Options_are_checked()
    {
        Assert.Contains("MaxSteps", Assert.Throws<ArgumentOutOfRangeException>(() => new PatchEncoderTrainerOptions { MaxSteps = 0 }).Message,
            StringComparison.Ordinal);
        Assert.Contains("MinScale", Assert.Throws<ArgumentOutOfRangeException>(() => new PatchEncoderTrainerOptions { MinScale = 1.5 }).Message,
            StringComparison.Ordinal);
        Assert.Contains("Temperature", Assert.Throws<ArgumentOutOfRangeException>(() => new PatchEncoderTrainerOptions { Temperature = double.NaN }).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_leaks()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential encoder = Encoder(4);
        Tensor images = Images(0, 4);
        PatchEncoderTrainer trainer = new(new() { MaxSteps = 2, BatchSize = 4, PointsPerImage = 8 });
        LeakCheck.Run(() => trainer.Train(encoder, x => encoder.call(x).permute(0, 2, 3, 1), images));
    }

    /// <summary>Matching accuracy of new images under a known homography, on an 8 x 8 grid.</summary>
    private static double Accuracy(Sequential encoder)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor images = Images(100, 6);
        Homography view = Homography.FromCorners((0.9, 0.1), (0.15, 0.05), (0.1, 0.85), (0.95, 0.9));
        Tensor first = encoder.call(images).permute(0, 2, 3, 1);
        Tensor second = encoder.call(PatchViews.Render(images, Enumerable.Repeat(view, 6).ToArray())).permute(0, 2, 3, 1);
        return Enumerable.Range(0, 6).Average(i => PatchMatchingAccuracy.Compute(first[i], second[i], view.Inverse()).Accuracy);
    }

    private static Tensor Images(int seed, int count)
    {
        PixelEncoder pixels = new(32, 8);
        return stack(Enumerable.Range(seed, count).Select(i => pixels.Preprocess(TestImages.Blocks(i, 32, 32, 5)))) * 2;
    }

    private static Sequential Encoder(int seed)
    {
        Sequential encoder = nn.Sequential(
            new SafeConv2d(3, 32, 5, stride: 2, padding: 2), nn.GELU(),
            new SafeConv2d(32, 32, 3, stride: 2, padding: 1), nn.GELU(),
            new SafeConv2d(32, 24, 3, padding: 1));
        // From a generator of its own: tests that run at the same time draw from the global one.
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Generator generator = new((ulong)seed);
        foreach (Parameter parameter in encoder.parameters())
            parameter.copy_(parameter.dim() > 1 ? randn(parameter.shape, generator: generator) / Math.Sqrt(parameter.numel() / parameter.shape[0])
                : zeros(parameter.shape));
        return encoder;
    }
}
