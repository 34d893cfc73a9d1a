using System.CommandLine;
using PatchDpo.Torch.Vision.Dino;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>An encoder's forward in float32 and in bfloat16.</summary>
internal static class PrecisionBenchmark
{
    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(5), side = new("--side") { Description = "Side of the input.", DefaultValueFactory = _ => 224 };
        Option<int> batch = new("--batch") { Description = "Images in a batch.", DefaultValueFactory = _ => 16 };
        Option<string> device = SampleEncoder.DeviceOption();
        var command = new Command("bf16", "A forward pass of ViT-S/16's shape in bfloat16 against float32.") { rounds, side, batch, device };
        command.SetAction(r =>
        {
            Device place = SampleEncoder.DeviceOf(r.GetValue(device)!);
            int pixels = r.GetValue(side) / 16 * 16, images = r.GetValue(batch);
            using DinoVisionTransformer full = SampleEncoder.VitSmall(pixels, place), half = SampleEncoder.VitSmall(pixels, place, ScalarType.BFloat16);
            using Tensor input = randn([images, 3, pixels, pixels], device: place);
            Contest.Run(r.GetValue(rounds), images, "images", ("float32", () => Forward(full, input)), ("bfloat16", () => Forward(half, input)));
        });
        return command;
    }

    private static void Forward(DinoVisionTransformer encoder, Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        encoder.Encode(input).Patches.flatten()[0].cpu();
    }
}
