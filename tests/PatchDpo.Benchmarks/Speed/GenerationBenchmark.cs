using System.CommandLine;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Generating images against the network's own calls alone.</summary>
internal static class GenerationBenchmark
{
    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(5), steps = new("--steps") { Description = "Sampling steps.", DefaultValueFactory = _ => 30 };
        Option<int> batch = new("--batch") { Description = "Images together.", DefaultValueFactory = _ => 4 };
        Option<string> device = SampleEncoder.DeviceOption(), model = new("--model")
        {
            Description = "Folder of a generator; default: the embedded one.", DefaultValueFactory = _ => "",
        };
        var command = new Command("generation", "Generates images with guidance against as many predictions of noise.") { rounds, steps, batch, model, device };
        command.SetAction(r => Run(
            r.GetValue(model)!, r.GetValue(steps), r.GetValue(batch), r.GetValue(rounds), SampleEncoder.DeviceOf(r.GetValue(device)!)));
        return command;
    }

    private static void Run(string folder, int steps, int batch, int rounds, Device device)
    {
        using PersonalizedModel model = folder.Length == 0 ? PersonalizedModel.LoadEmbedded(device) : PersonalizedModel.Load(folder, new() { Device = device });
        byte[] pixels = new byte[64 * 64 * 3];
        new Random(1).NextBytes(pixels);
        ImageBuffer reference = new(64, 64, 3, pixels);
        GenerationRequest[] requests = [.. Enumerable.Range(0, batch).Select(i => new GenerationRequest("a cat, on a beach", [reference]) { NoiseIndex = i })];
        GenerationOptions options = new() { Steps = steps, BatchSize = batch, GuidanceScale = 2, NegativePrompt = "" };

        // Guidance sends each image through the network twice.
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        int rows = 2 * batch;
        TextConditions text = model.EncodeText([.. Enumerable.Repeat("a cat, on a beach", rows)]);
        ImagePrompt prompt = model.EncodeReferences(Enumerable.Repeat(reference, rows).ToArray());
        long side = model.ImageSize / model.LatentScale;
        Tensor latents = randn([rows, model.LatentChannels, side, side], device: device), timesteps = full([rows], 500L, dtype: ScalarType.Int64, device: device);
        Contest.Run(rounds, batch, "images",
            ("the network alone, as often", () =>
            {
                for (int step = 0; step < steps; step++)
                {
                    using DisposeScope inner = NewDisposeScope();
                    model.PredictNoise(latents, timesteps, text, prompt).flatten()[0].cpu();
                }
            }),
            ("generation, decoding included", () => model.Generate(requests, options)));
    }
}
