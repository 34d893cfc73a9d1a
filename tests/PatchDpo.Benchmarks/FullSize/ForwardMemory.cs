using System.Diagnostics;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>The peak of this process's memory while it loads a model and predicts noise once.</summary>
internal static class ForwardMemory
{
    private const int ReferenceTokens = 257, TextTokens = 77;

    /// <summary>Loads, runs and prints; the process must be new, because its peak is never reset.</summary>
    public static void Measure(RandomModel model, ModelScale scale, ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        random.manual_seed(2);
        (UNet2DConditionModel unet, IpAdapterModel adapter) = Load($"loaded as {dtype}", () => model.Load(dtype));
        using UNet2DConditionModel network = unet;
        using IpAdapterModel prompt = adapter;

        long start = Stopwatch.GetTimestamp();
        Tensor tokens = adapter.Projection.call(randn(1, ReferenceTokens, scale.Projection.InputChannels, dtype: dtype));
        float side = 8 * scale.Latents;
        Tensor noise = unet.forward(
            randn(1, 4, scale.Latents, scale.Latents, dtype: dtype), tensor(500L), randn(1, TextTokens, scale.TextWidth, dtype: dtype),
            randn(1, scale.PooledWidth, dtype: dtype), tensor(new float[,] { { side, side, 0, 0, side, side } }), new IpAttention(adapter.Layers, tokens, 1));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        noise = noise.to(ScalarType.Float32);
        if (!noise.isfinite().all().item<bool>())
            throw new InvalidOperationException("The prediction is not finite.");
        Console.WriteLine($"one forward at {side:f0} pixels, batch 1, image prompt of {tokens.shape[1]} tokens: {seconds:f1} s, deviation {noise.std().item<float>():f3}, peak resident memory {Peak():f2} GB");
    }

    /// <summary>
    /// Maps the model, which is then of the file's float16, uses each weight once (a prediction would take minutes) and prints; the process must be
    /// new.
    /// </summary>
    public static void MeasureMapped(RandomModel model, ModelScale scale)
    {
        using IDisposable noGrad = no_grad();
        (UNet2DConditionModel unet, IpAdapterModel adapter) = Load("mapped as Float16", () => model.Map(scale));
        using UNet2DConditionModel network = unet;
        using IpAdapterModel prompt = adapter;
        long start = Stopwatch.GetTimestamp();
        foreach (Tensor weight in Weights(unet, adapter))
            weight.sum(ScalarType.Float32).Dispose();
        Console.WriteLine($"each weight used once: {Stopwatch.GetElapsedTime(start).TotalSeconds:f1} s, peak resident memory {Peak():f2} GB");
    }

    private static (UNet2DConditionModel UNet, IpAdapterModel Adapter) Load(string how, Func<(UNet2DConditionModel UNet, IpAdapterModel Adapter)> load)
    {
        double before = Peak();
        long start = Stopwatch.GetTimestamp();
        (UNet2DConditionModel unet, IpAdapterModel adapter) = load();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds, loaded = Peak(), weights = Weights(unet, adapter)
            .Sum(t => t.numel() * t.ElementSize) / 1e9;
        Console.WriteLine($"{how} in {seconds:f2} s: peak resident memory {loaded:f2} GB ({before:f2} GB before), weights {weights:f2} GB, peak / weights {loaded / weights:f3}");
        return (unet, adapter);
    }

    private static IEnumerable<Tensor> Weights(UNet2DConditionModel unet, IpAdapterModel adapter) =>
        new nn.Module[] { unet, adapter.Projection, adapter.Layers }.SelectMany(p => p.state_dict().Values);

    private static double Peak()
    {
        using Process self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64 / 1e9;
    }
}
