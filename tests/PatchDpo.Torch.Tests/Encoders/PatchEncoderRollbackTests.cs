using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.PatchEncoders;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>Patch training that diverges, is cancelled or fails leaves the caller's encoder as it was, to the bit.</summary>
public sealed class PatchEncoderRollbackTests
{
    private static readonly ImageBuffer[] Pictures = [.. Enumerable.Range(0, 4).Select(i => TestImages.Blocks(i, 60, 48, 6))];

    public enum End
    {
        Diverges,
        DivergesInTheLastStep,
        Cancelled,
        ProgressThrows,
    }

    public static TheoryData<string, End> Cases
    {
        get
        {
            TheoryData<string, End> cases = [];
            foreach (string kind in TinyEncoders.Kinds)
                foreach (End end in Enum.GetValues<End>())
                    cases.Add(kind, end);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_encoder_with_a_head_is_put_back(string kind, End end)
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchHeadEncoder encoder = new(TinyEncoders.Create(kind), 5);
        nn.Module below = (nn.Module)encoder.Encoder;
        Parameter frozen = below.parameters().First();
        frozen.requires_grad = false;
        below.train();
        below.children().Last().eval();
        string before = State(below, encoder.Head);
        Fails(end, (options, progress, cancellationToken) => new PatchEncoderTrainer(options).Train(encoder, Pictures, progress, cancellationToken));
        Assert.Equal(before, State(below, encoder.Head));
        Assert.True(encoder.IsFresh);
        // It can be trained still.
        new PatchEncoderTrainer(Options(1, 1e-3)).Train(encoder, Pictures);
        Assert.False(encoder.IsFresh);
    }

    [Theory]
    [InlineData(End.Diverges)]
    [InlineData(End.DivergesInTheLastStep)]
    [InlineData(End.Cancelled)]
    [InlineData(End.ProgressThrows)]
    public void A_module_is_put_back_with_its_batch_normalisations(End end)
    {
        using DisposeScope scope = NewDisposeScope();
        BatchNorm2d frozenNorm = nn.BatchNorm2d(8);
        using Sequential module = nn.Sequential(new SafeConv2d(3, 8, 4, stride: 4), nn.BatchNorm2d(8), nn.GELU(), frozenNorm, new SafeConv2d(8, 6, 1));
        module.train();
        frozenNorm.eval();
        module.parameters().Last().requires_grad = false;
        string before = State(module);
        Tensor pixels = rand([4, 3, 32, 32], generator: new Generator(3));
        Fails(end, (options, progress, cancellationToken) => new PatchEncoderTrainer(options)
            .Train(module, x => module.call(x).permute(0, 2, 3, 1), pixels, progress, cancellationToken));
        Assert.Equal(before, State(module));
    }

    [Fact]
    public void Nothing_is_left_behind_by_a_training_that_fails()
    {
        using PatchHeadEncoder encoder = new(TinyEncoders.Create("CIFAR ResNet"), 5);
        LeakCheck.Run(() => Fails(End.ProgressThrows, (options, progress, cancellationToken)
            => new PatchEncoderTrainer(options).Train(encoder, Pictures, progress, cancellationToken)));
    }

    [Fact]
    public void An_encoder_that_gives_NaN_has_its_name_and_the_image_when_a_head_is_to_start()
    {
        using PatchHeadEncoder encoder = new(TinyEncoders.Create("DINO"), 5);
        using (no_grad())
        using (Scalar nan = float.NaN.ToScalar())
            ((nn.Module)encoder.Encoder).parameters().First().fill_(nan);
        NonFiniteOutputException e = Assert.Throws<NonFiniteOutputException>(() => new PatchEncoderTrainer(Options(1, 1e-3)).Train(encoder, Pictures));
        Assert.Contains("DinoVisionTransformer", e.Message, StringComparison.Ordinal);
        Assert.StartsWith("training image ", e.Item, StringComparison.Ordinal);
    }

    private static void Fails(End end, Action<PatchEncoderTrainerOptions, Action<PatchEncoderProgress>?, CancellationToken> train)
    {
        using CancellationTokenSource source = new();
        switch (end)
        {
            case End.Diverges:
                Assert.Throws<NonFiniteLossException>(() => train(Options(20, 1e30), null, default));
                break;
            case End.DivergesInTheLastStep:
                Assert.Throws<NonFiniteLossException>(() => train(Options(1, 1e30) with { WarmupSteps = 1 }, null, default));
                break;
            case End.Cancelled:
                Assert.Throws<OperationCanceledException>(() => train(Options(3, 0.01), _ => source.Cancel(), source.Token));
                break;
            default:
                Assert.Throws<InvalidOperationException>(() => train(Options(3, 0.01), p => throw new InvalidOperationException(), default));
                break;
        }
    }

    private static PatchEncoderTrainerOptions Options(int steps, double rate)
        => new() { MaxSteps = steps, BatchSize = 2, PointsPerImage = 8, LearningRate = rate, WarmupSteps = 0, CropSize = 32, PhotoSize = 40 };

    /// <summary>Weights, buffers, flags and modes, as text.</summary>
    private static string State(params nn.Module[] modules)
    {
        using DisposeScope scope = NewDisposeScope();
        IEnumerable<string> Of(nn.Module module) =>
        [
            .. module.state_dict().Select(t => $"{t.Key} {Convert.ToHexString(t.Value.detach().cpu().contiguous().bytes)}"),
            .. module.named_parameters().Select(p => $"{p.name} {p.parameter.requires_grad}"),
            $"{module.training}", .. module.named_modules().Select(m => $"{m.name} {m.module.training}"),
        ];
        return string.Join('\n', modules.SelectMany(Of));
    }
}
