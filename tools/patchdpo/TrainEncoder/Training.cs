using System.Diagnostics;
using PatchDpo.Examples;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;

namespace TrainPatchEncoder;

/// <summary>Opens, measures, trains, measures again and saves.</summary>
internal sealed class Training(string encoderPath, VisionEncoderOptions choices, PatchEncoderTrainerOptions options, int head)
{
    private const int ReportedSteps = 50;

    public void Run(string photos, string output, IReadOnlyList<string> sequences, CancellationToken cancellation)
    {
        OutputFolder.Check(output);
        using ITrainableVisionEncoder encoder = Open();
        ImageBuffer[] images = [.. FolderFiles.Files(photos, recursive: true).Where(p => ImageFormats.HasImageEnding(p)).Select(p => ImageFile.Load(p).ToRgb())];
        Console.WriteLine($"{images.Length} images; {encoder.PatchParameters.Sum(g => g.Sum(p => p.numel())):N0} parameters in {encoder.PatchParameters.Count} groups; seed {options.Seed}");
        (string Name, IReadOnlyList<HomographyPair> Pairs)[] measured = [.. sequences.Select(s => (Path.GetFileName(Path.TrimEndingDirectorySeparator(s)), HomographyPair.FromHPatches(s)))];
        IVisionEncoder before = encoder is PatchHeadEncoder headed ? headed.Encoder : encoder;
        Measure("before", before, measured);

        var clock = Stopwatch.StartNew();
        (double loss, double accuracy) = (0, 0);
        new PatchEncoderTrainer(options).Train(encoder, images, p =>
        {
            loss += p.Loss;
            accuracy += p.Accuracy;
            if (p.Step % ReportedSteps != 0)
                return;
            Console.WriteLine($"step {p.Step} of {p.MaxSteps}: loss {loss / ReportedSteps:F3}, right {accuracy / ReportedSteps:P1}, {clock.Elapsed.TotalSeconds:F0} s");
            (loss, accuracy) = (0, 0);
        }, cancellation);
        PatchEncoder.Save(encoder, output);
        Measure("after", encoder, measured);
        Console.WriteLine($"written to '{output}'");
    }

    private ITrainableVisionEncoder Open()
    {
        IVisionEncoder opened = File.Exists(encoderPath) ? PatchEncoder.FromFile(encoderPath, options: choices) : PatchEncoder.FromFolder(encoderPath, options: choices);
        var encoder = (ITrainableVisionEncoder)opened;
        return head > 0 && encoder is not PatchHeadEncoder ? new PatchHeadEncoder(encoder, head) : encoder;
    }

    private static void Measure(string when, IVisionEncoder encoder, (string Name, IReadOnlyList<HomographyPair> Pairs)[] measured)
    {
        foreach ((string name, IReadOnlyList<HomographyPair> pairs) in measured)
        {
            PatchMatchingMetrics metrics = PatchMatchingAccuracy.Measure(encoder, pairs);
            Console.WriteLine($"{when}: patch-matching accuracy on {name} {metrics.Accuracy:F4} ({string.Join(", ", metrics.PerPair.Select(a => a.ToString("F3")))})");
        }
    }
}
