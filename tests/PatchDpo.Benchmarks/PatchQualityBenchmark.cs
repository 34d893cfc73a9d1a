using System.CommandLine;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks;

/// <summary>Patch quality of both sides against the obvious tensor expression, and against a scalar loop.</summary>
internal static class PatchQualityBenchmark
{
    private static readonly (int Batch, int Grid, int Dim)[] Cases = [(16, 16, 64), (16, 14, 384), (8, 32, 384), (1, 64, 768)];

    public static Command Command()
    {
        var rounds = new Option<int>("--rounds") { Description = "Measured rounds.", DefaultValueFactory = _ => 15 };
        var command = new Command(
            "patchquality", "p(x_gen) and p(x_ref) of a batch, against one einsum for each side and, where it ends in time, a scalar loop.") { rounds };
        command.SetAction(result => Run(result.GetValue(rounds)));
        return command;
    }

    private static void Run(int rounds)
    {
        TorchRuntime.Initialize();
        Console.WriteLine(" batch  grid   dim     ours ms   einsum ms  scalar ms  ours : einsum");
        foreach ((int batch, int grid, int dim) in Cases)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            Tensor generated = randn(batch, grid, grid, dim), reference = randn(batch, grid, grid, dim);
            bool scalar = batch * (long)grid * grid * grid * grid * dim < 100_000_000;
            double[] ms = Timing.Medians(rounds,
                () => Ours(generated, reference),
                () => Einsum(generated, reference),
                () => { if (scalar) Scalar(generated, reference); });
            Console.WriteLine($"{batch,6}{grid,6}{dim,6}{ms[0],12:F2}{ms[1],12:F2}{(scalar ? ms[2].ToString("F1") : "-"),11}{ms[0] / ms[1],15:F2}");
        }
    }

    private static void Ours(Tensor generated, Tensor reference)
    {
        (Tensor p, Tensor q) = PatchSimilarity.ComputeBoth(generated, reference);
        p.Dispose();
        q.Dispose();
    }

    /// <summary>What one writes first: one einsum for each side.</summary>
    private static void Einsum(Tensor generated, Tensor reference)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor g = nn.functional.normalize(generated, dim: 3), r = nn.functional.normalize(reference, dim: 3);
        _ = einsum("bhwd,bijd->bhwij", g, r).flatten(3).max(3);
        _ = einsum("bijd,bhwd->bijhw", r, g).flatten(3).max(3);
    }

    private static void Scalar(Tensor generated, Tensor reference)
    {
        (long batch, long patches, long dim) = (generated.shape[0], generated.shape[1] * generated.shape[2], generated.shape[3]);
        float[] g = generated.data<float>().ToArray(), r = reference.data<float>().ToArray();
        float[] p = new float[batch * patches], q = new float[batch * patches];
        Array.Fill(p, -1);
        Array.Fill(q, -1);
        for (long b = 0; b < batch; b++)
            for (long i = b * patches; i < (b + 1) * patches; i++)
                for (long j = b * patches; j < (b + 1) * patches; j++)
                {
                    float dot = 0, lengthG = 0, lengthR = 0;
                    for (long d = 0; d < dim; d++)
                    {
                        float x = g[(i * dim) + d], y = r[(j * dim) + d];
                        dot += x * y;
                        lengthG += x * x;
                        lengthR += y * y;
                    }
                    float cosine = dot / MathF.Sqrt(lengthG * lengthR);
                    p[i] = Math.Max(p[i], cosine);
                    q[j] = Math.Max(q[j], cosine);
                }
    }
}
