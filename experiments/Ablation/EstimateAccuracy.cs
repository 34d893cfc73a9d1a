using MathNet.Numerics.Statistics;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using ProceduralCharacters;

namespace Ablation;

/// <summary>How well estimates of p tell wrong parts from right ones: a part's p is the mean over its pixels in the image that is judged.</summary>
internal static class EstimateAccuracy
{
    /// <summary>Measures estimates on a seed's pairs and prints a table of them.</summary>
    /// <param name="estimates">The rows.</param>
    /// <param name="seed">Decides the pairs; a seed of no table.</param>
    /// <param name="pairs">How many.</param>
    public static void Print(IEnumerable<Estimate> estimates, int seed, int pairs)
    {
        TrainingCase[] planted = [.. SeedData.LocalFaults(seed, pairs, 0).Training], asked = [.. SeedData.ChangedObjects(seed, pairs, 0).Training];
        TrainingCase[] askedOnWhite = [.. SeedData.ChangedOnWhite(seed, pairs).Training];
        using PersonalizedModel model = PersonalizedModel.LoadEmbedded();
        IReadOnlyList<ImageBuffer> faulty = Experiment.Generate(model, planted, seed), generated = Experiment.Generate(model, asked, seed);
        IReadOnlyList<ImageBuffer> onWhite = Experiment.Generate(model, askedOnWhite, seed);
        Console.WriteLine($"{pairs} pairs of seed {seed}. AUC: right above wrong parts, planted faults; rank correlation: with the parts' likeness to the truth,");
        Console.WriteLine("where prompts change the object; planted faults, then the model's own, in scenes and on white.");
        Console.WriteLine();
        Console.WriteLine("| p | AUC, as in the reference | AUC, changed | rank correlation, planted | generated | on white |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
        foreach (Estimate estimate in estimates)
        {
            Part[] ofPlanted = Parts(estimate, planted, faulty, SeedData.IsChanging), ofGenerated = Parts(estimate, asked, generated, SeedData.IsChanging);
            Part[] ofOnWhite = Parts(estimate, askedOnWhite, onWhite, _ => true);
            Console.WriteLine($"| {estimate.Name} | {Area(ofPlanted.Where(p => !p.IsChanged)):F3} | {Area(ofPlanted.Where(p => p.IsChanged)):F3} | "
                + $"{RankCorrelation(ofPlanted):F2} | {RankCorrelation(ofGenerated):F2} | {RankCorrelation(ofOnWhite):F2} |");
        }
    }

    private static Part[] Parts(Estimate estimate, IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> images, Func<int, bool> isChanging)
        => [.. estimate.Score(cases, images).SelectMany((quality, i) => Parts(quality.Generated, cases[i].Truths[0], images[i], isChanging(i)))];

    private static IEnumerable<Part> Parts(QualityMap map, RenderedCharacter truth, ImageBuffer image, bool isChanged)
    {
        PartAccuracy accuracy = PartAccuracy.Measure(image, truth);
        return Enumerable.Range(0, Character.PartCount).Where(part => !double.IsNaN(accuracy.PartErrors[part]))
            .Select(part => new Part(MeanOver(map, truth, part), accuracy.PartErrors[part], isChanged));
    }

    private static double MeanOver(QualityMap map, RenderedCharacter truth, int part)
    {
        (int width, int height) = (truth.Image.Width, truth.Image.Height);
        return Enumerable.Range(0, width * height).Where(i => truth.PartMask[i] == part)
            .Average(i => map[i / width * map.Height / height, i % width * map.Width / width]);
    }

    /// <summary>How often a right part has a higher p than a wrong one; ties count half.</summary>
    private static double Area(IEnumerable<Part> parts)
    {
        ILookup<bool, double> p = parts.ToLookup(part => part.Error > PartAccuracy.WrongAbove, part => part.P);
        return p[false].Average(right => p[true].Average(wrong => right > wrong ? 1 : right == wrong ? 0.5 : 0));
    }

    private static double RankCorrelation(IEnumerable<Part> parts)
    {
        Part[] changed = [.. parts.Where(p => p.IsChanged)];
        return Correlation.Spearman(changed.Select(p => p.P), changed.Select(p => -p.Error));
    }

    /// <summary>A part of a judged image.</summary>
    private sealed record Part(double P, double Error, bool IsChanged);
}
