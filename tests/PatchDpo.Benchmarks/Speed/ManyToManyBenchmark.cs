using System.CommandLine;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Vision.Dino;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Every generation against every reference through ML.NET, in each order of rows, against encoding the images once.</summary>
internal static class ManyToManyBenchmark
{
    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(3), generations = new("--generations") { Description = "Generated images.", DefaultValueFactory = _ => 200 };
        Option<int> references = new("--references") { Description = "References.", DefaultValueFactory = _ => 20 };
        Option<int> batch = new("--batch") { Description = "Images encoded at once.", DefaultValueFactory = _ => 16 };
        Option<string> device = SampleEncoder.DeviceOption();
        var command = new Command("many-to-many", "All pairs of generations and references through ML.NET (ViT-S/16's shape, 224 pixels) against reading and "
            + "encoding each image once.") { rounds, generations, references, batch, device };
        command.SetAction(r => Run(
            r.GetValue(generations), r.GetValue(references), r.GetValue(batch), r.GetValue(rounds), SampleEncoder.DeviceOf(r.GetValue(device)!)));
        return command;
    }

    private static void Run(int generations, int references, int batch, int rounds, Device device)
    {
        using var photos = new PhotoFolder(generations + references, 512);
        using DinoVisionTransformer encoder = SampleEncoder.VitSmall(224, device);
        (string, string)[] byGeneration = [.. Pairs(photos, generations)];
        (string, string)[] byReference = [.. byGeneration.OrderBy(p => photos.Files.IndexOf(p.Item2))], shuffled = [.. byGeneration];
        new Random(1).Shuffle(shuffled);
        Contest.Run(rounds, generations + references, "images",
            ("each image read and encoded once", () => Encode(photos, encoder, batch)),
            ("all pairs, by generation", () => ScoringView.Score(byGeneration, encoder, batch)),
            ("all pairs, by reference", () => ScoringView.Score(byReference, encoder, batch)),
            ("all pairs, shuffled", () => ScoringView.Score(shuffled, encoder, batch)));
    }

    private static IEnumerable<(string, string)> Pairs(PhotoFolder photos, int generations)
        => photos.Files.Take(generations).SelectMany(g => photos.Files.Skip(generations).Select(r => (g, r)));

    private static void Encode(PhotoFolder photos, DinoVisionTransformer encoder, int batch)
    {
        foreach (string[] files in photos.Files.Chunk(batch))
        {
            using DisposeScope scope = NewDisposeScope();
            ImageBuffer[] images = new ImageBuffer[files.Length];
            Parallel.For(0, files.Length, i => images[i] = ImageFile.Load(files[i]));
            VisionFeatures features = encoder.Encode(ImageTensors.Batch(images, encoder.Preprocessor, encoder.Device));
            features.Patches.cpu();
        }
    }
}
