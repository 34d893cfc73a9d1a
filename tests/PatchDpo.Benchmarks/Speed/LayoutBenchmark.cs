using System.CommandLine;
using System.Globalization;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Convolutions of published networks' sizes with channels last in memory, against channels first.</summary>
internal static class LayoutBenchmark
{
    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(7), batch = new("--batch") { Description = "Images in a batch.", DefaultValueFactory = _ => 4 };
        var command = new Command(
            "layout", "ResNet-18, and convolutions of it and of Stable Diffusion's UNet with normalisation and activation: channels last against first.")
        {
            rounds, batch,
        };
        command.SetAction(r =>
        {
            TorchRuntime.Initialize();
            foreach ((int channels, int side) in new[] { (64, 56), (128, 28), (256, 14), (512, 7) })
                Compare("ResNet-18", channels, side, r.GetValue(batch), isDiffusion: false, r.GetValue(rounds));
            CompareEncoder(r.GetValue(rounds));
            foreach ((int channels, int side) in new[] { (320, 64), (640, 32), (1280, 16) })
                Compare("UNet", channels, side, 2, isDiffusion: true, r.GetValue(rounds));
        });
        return command;
    }

    private static void CompareEncoder(int rounds)
    {
        using var encoder = (ITrainableVisionEncoder)PatchEncoder.LoadResNet18();
        using IDisposable noGrad = no_grad();
        foreach (int batch in new[] { 1, 4, 16 })
        {
            using Tensor pixels = randn(batch, 3, 224, 224);
            Console.WriteLine($"ResNet-18 as an encoder, {batch} x 3 x 224 x 224");
            Contest.Run(rounds, batch, "images", ("channels first", () => encoder.ForwardFeatures(pixels).Dispose()),
                ("as it chooses", () => encoder.Encode(pixels).Dispose()));
        }
    }

    private static void Compare(string network, int channels, int side, int batch, bool isDiffusion, int rounds)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor x = randn(batch, channels, side, side), kernels = randn(channels, channels, 3, 3) * 0.02, ones = torch.ones(channels), zeros = torch.zeros(channels);
        Tensor lastX = Last(x), lastKernels = Last(kernels);
        double difference = (Block(x, kernels) - Block(lastX, lastKernels)).abs().max().item<float>();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{network}: {batch} x {channels} x {side} x {side}, 3 x 3; the two differ by {difference:E1} at most"));
        Contest.Run(rounds, 10, "blocks", ("channels first", () => Repeat(x, kernels)), ("channels last", () => Repeat(lastX, lastKernels)));

        void Repeat(Tensor input, Tensor weight)
        {
            for (int i = 0; i < 10; i++)
                Block(input, weight).Dispose();
        }

        // Two convolutions as they follow one another: a layout that had to be changed between them would show.
        Tensor Block(Tensor input, Tensor weight)
        {
            using DisposeScope inner = NewDisposeScope();
            Tensor between = nn.functional.conv2d(Normed(input), weight, padding: [1, 1]);
            return nn.functional.conv2d(Normed(between), weight, padding: [1, 1]).MoveToOuterDisposeScope();
        }

        Tensor Normed(Tensor input) => isDiffusion ? nn.functional.silu(nn.functional.group_norm(input, 32, ones, zeros))
            : nn.functional.relu(nn.functional.batch_norm(input, zeros, ones));
    }

    // The same shape with other strides, which libtorch calls channels_last.
    private static Tensor Last(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
}
