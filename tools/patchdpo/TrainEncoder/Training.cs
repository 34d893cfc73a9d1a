using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;

namespace PatchDpo.Tool.TrainEncoder;

/// <summary>Opens, measures, trains, measures again and saves.</summary>
internal sealed class Training(EncoderChoice choice, PatchEncoderTrainerOptions options, int head, bool onlyDifference)
{
    // A step's loss jumps about: what is shown is a running mean over about so many steps.
    private const int ShownSteps = 50;

    public void Run(string photos, string output, IReadOnlyList<string> sequences, CancellationToken cancellationToken)
    {
        OutputFolder.Check(output);
        using ITrainableVisionEncoder encoder = Open();
        ImageBuffer[] images = [.. FolderFiles.Files(photos, recursive: true).Where(ImageFormats.HasImageEnding).Select(p => ImageFile.Load(p).ToRgb())];
        Console.WriteLine($"{images.Length} images; {encoder.PatchParameters.Sum(g => g.Sum(p => p.numel())):N0} parameters in "
            + $"{encoder.PatchParameters.Count} groups; seed {options.Seed}");
        (string Name, IReadOnlyList<HomographyPair> Pairs)[] measured =
        [
            .. sequences.Select(s => (Path.GetFileName(Path.TrimEndingDirectorySeparator(s)), HomographyPair.FromHPatches(s))),
        ];
        IVisionEncoder before = encoder is PatchHeadEncoder headed ? headed.Encoder : encoder;
        Measure("before", before, measured);
        ToolProgress.Run("training", shown =>
        {
            (RunningMean? loss, RunningMean? accuracy) = (new RunningMean(ShownSteps), new RunningMean(ShownSteps));
            new PatchEncoderTrainer(options).Train(encoder, images, p => shown.Report(
                p.Step, p.MaxSteps, $"step {p.Step} of {p.MaxSteps}: loss {loss.Add(p.Loss):F3}, right {accuracy.Add(p.Accuracy):P1}"), cancellationToken);
            return 0;
        });
        if (onlyDifference)
            PatchEncoder.SaveDifference(encoder, output);
        else
            PatchEncoder.Save(encoder, output);
        Measure("after", encoder, measured);
        Console.WriteLine($"written to '{output}'");
    }

    private ITrainableVisionEncoder Open()
    {
        var encoder = (ITrainableVisionEncoder)choice.Open();
        return head > 0 && encoder is not PatchHeadEncoder ? new PatchHeadEncoder(encoder, head) : encoder;
    }

    private static void Measure(string when, IVisionEncoder encoder, (string Name, IReadOnlyList<HomographyPair> Pairs)[] measured)
    {
        foreach ((string name, IReadOnlyList<HomographyPair> pairs) in measured)
        {
            PatchMatchingMetrics metrics = PatchMatchingAccuracy.Measure(encoder, pairs);
            Console.WriteLine($"{when}: patch-matching accuracy on {name} {metrics.Accuracy:F4} "
                + $"({string.Join(", ", metrics.PerPair.Select(a => a.ToString("F3")))})");
        }
    }
}
