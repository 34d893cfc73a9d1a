using System.CommandLine;
using System.Globalization;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>p(x_gen) and p(x_ref) of large grids against a plain matrix product of the same multiplications; time and peak memory.</summary>
internal static class MaxCosineBenchmark
{
    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(5), grid = new("--grid") { Description = "Patches on a side.", DefaultValueFactory = _ => 128 };
        Option<int> dimension = new("--dimension") { Description = "Length of a feature.", DefaultValueFactory = _ => 768 };
        Option<string> device = SampleEncoder.DeviceOption();
        var command = new Command("max-cosine", "Patch quality of both sides of one pair against a plain matrix product, and the memory above the features.")
            { rounds, grid, dimension, device };
        command.SetAction(r => Run(r.GetValue(grid), r.GetValue(dimension), r.GetValue(rounds), SampleEncoder.DeviceOf(r.GetValue(device)!)));
        return command;
    }

    private static void Run(int grid, int dimension, int rounds, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor generated = randn([1, grid, grid, dimension], device: device), reference = randn([1, grid, grid, dimension], device: device);
        if (device.type == DeviceType.CPU && PeakMemory.TryReset())
        {
            double before = PeakMemory.Megabytes();
            Ours(generated, reference);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"peak memory above the features: {PeakMemory.Megabytes() - before:F0} MB"));
        }
        // A product whose result fits: as many rows at once as the tiles have, written over each other.
        Tensor left = generated.flatten(1, 2)[0], right = reference.flatten(1, 2)[0].t();
        long rows = Math.Min(left.shape[0], 1024);
        Tensor result = empty([rows, right.shape[1]], device: device);
        double flops = 2.0 * left.shape[0] * right.shape[1] * dimension;
        Contest.Run(rounds, flops / 1e9, "GFLOP",
            ("plain matrix product", () => Product(left, right, result, rows)), ("patch quality of both sides", () => Ours(generated, reference)));
    }

    private static void Ours(Tensor generated, Tensor reference)
    {
        (Tensor p, Tensor q) = PatchSimilarity.ComputeBoth(generated, reference);
        p.cpu().Dispose();
        p.Dispose();
        q.Dispose();
    }

    private static void Product(Tensor left, Tensor right, Tensor result, long rows)
    {
        for (long start = 0; start < left.shape[0]; start += rows)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(rows, left.shape[0] - start);
            result.narrow(0, 0, count).copy_(left.narrow(0, start, count).matmul(right));
        }
        result[0].cpu().Dispose();
    }
}
