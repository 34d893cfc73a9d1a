using System.CommandLine;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Vision.Dino;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Scoring from JPEG files to maps, against the encoder alone; and with an encoder that costs nothing, against decoding and resizing alone.</summary>
internal static class PipelineBenchmark
{
    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(5);
        Option<int?> pairs = new("--pairs") { Description = "Rows, each with two images of its own; default: 32, or 256 with a free encoder." };
        Option<int> side = new("--side") { Description = "Side of the encoder's input: 224 or 518 (rounded to patches).", DefaultValueFactory = _ => 224 };
        Option<int> photo = new("--photo") { Description = "Side of the JPEG files.", DefaultValueFactory = _ => 512 };
        Option<int> batch = new("--batch") { Description = "Images encoded at once.", DefaultValueFactory = _ => 16 };
        Option<bool> free = new("--free") { Description = "With an encoder that costs nothing." };
        Option<string> device = SampleEncoder.DeviceOption();
        var command = new Command("pipeline", "Scoring from JPEG files to maps through ML.NET against the encoder's forward alone (ViT-S/16's shape), as TorchScript "
            + "too where Debian's python3-torch is installed.") { rounds, pairs, side, photo, batch, free, device };
        command.SetAction(r =>
        {
            // What a pipeline does once, some 20 ms, is nothing beside an encoder.
            int rows = r.GetValue(pairs) ?? (r.GetValue(free) ? 256 : 32);
            using var photos = new PhotoFolder(2 * rows, r.GetValue(photo));
            int pixels = r.GetValue(side) / 16 * 16;
            if (r.GetValue(free))
                RunFree(photos, pixels, r.GetValue(batch), r.GetValue(rounds));
            else
                Run(photos, pixels, r.GetValue(batch), r.GetValue(rounds), SampleEncoder.DeviceOf(r.GetValue(device)!));
        });
        return command;
    }

    private static void Run(PhotoFolder photos, int side, int batch, int rounds, Device device)
    {
        using DinoVisionTransformer encoder = SampleEncoder.VitSmall(side, device);
        using Tensor pixels = randn([batch, 3, side, side], device: device);
        using jit.ScriptModule<Tensor, Tensor>? script = TorchScriptVit.TryLoad(side, device);
        List<(string, Action)> contestants = [];
        if (script is not null)
            contestants.Add(("the same network as TorchScript, forward alone", () => Forward(photos.Files.Count, batch, () => script.call(pixels), device)));
        contestants.Add(("the encoder's forward alone", () => Forward(photos.Files.Count, batch, () => encoder.Encode(pixels).Patches, device)));
        contestants.Add(("files to scores through ML.NET", () => ScoringView.Score(Pairs(photos), encoder, batch)));
        Contest.Run(rounds, photos.Files.Count, "images", [.. contestants]);
    }

    private static void RunFree(PhotoFolder photos, int side, int batch, int rounds)
    {
        DinoPreprocessor preprocessor = new(side, side);
        using SampleEncoder.Free encoder = new(preprocessor);
        Contest.Run(rounds, photos.Files.Count, "images",
            ("decoding and resizing on all cores", () => Parallel.ForEach(photos.Files, file => preprocessor.Preprocess(ImageFile.Load(file)).Dispose())),
            ("files to scores with a free encoder", () => ScoringView.Score(Pairs(photos), encoder, batch)));
    }

    private static IEnumerable<(string, string)> Pairs(PhotoFolder photos) => photos.Files.Chunk(2).Select(p => (p[0], p[1]));

    private static void Forward(int images, int batch, Func<Tensor> forward, Device device)
    {
        for (int done = 0; done < images; done += batch)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            Tensor features = forward();
            // A GPU computes on while the caller goes on: a number that is read waits for it.
            if (device.type == DeviceType.CUDA)
                features.flatten()[0].cpu();
        }
    }
}
