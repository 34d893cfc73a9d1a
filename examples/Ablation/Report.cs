using System.Text;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Weights;

namespace Ablation;

/// <summary>Writes the table and the plot.</summary>
internal static class Report
{
    public static void Write(IReadOnlyList<Finished> all, Settings settings)
    {
        Directory.CreateDirectory(settings.Output);
        foreach (Finished finished in all)
        {
            Plot.Write(finished.Results, finished.Comparison.Title, Path.Combine(settings.Output, PlotName(finished.Comparison)));
            Samples.Write(finished, Path.Combine(settings.Output, SamplesName(finished.Comparison)));
        }

        AtomicFile.Write(Path.Combine(settings.Output, "ablation.md"), stream => stream.Write(Encoding.UTF8.GetBytes(Page(all, settings))));
    }

    private static string PlotName(Comparison comparison) => $"ablation-{comparison.Name}.png";

    private static string SamplesName(Comparison comparison) => $"ablation-{comparison.Name}-samples.png";

    private static string Page(IReadOnlyList<Finished> all, Settings settings)
    {
        string page = $"""
            # Ablation

            Written by `dotnet run -c Release --project examples/Ablation -- {settings.Arguments}`.

            Embedded generator, drawn characters. Seeds {string.Join(", ", settings.Seeds)}; for each: {settings.Pairs} training pairs, references on white, scored once;
            every method trains to_k_ip and to_v_ip from the same start for {settings.Steps} steps of {settings.BatchSize} pairs (AdamW, learning rate {settings.LearningRate:g},
            the same order, noise and timesteps; Diffusion-DPO's beta {settings.DiffusionDpoBeta:g}), then draws {settings.HeldOutSubjects} held-out subjects in two scenes each,
            from the same noise. Hyper-parameters were chosen on other seeds.

            p is estimated over the objects: where a reference is not plain (ForegroundMask.FromPlainBackground), and in a generated image where the
            drawing program puts the object, as a segmenter would. Other patches have quality 1: a reference's background is never trained on.
            The row "references' masks alone" does without the latter.

            - DINO: cosine with the reference, by an encoder that none of the training uses. Wrong parts: the share of a character's visible parts
              whose colour is not what it should be at its place, which the drawing program knows.
            - CLIP-T: cosine with the prompt. Asked and shown: the share of what prompts ask for beyond the reference that is there.

            """;
        foreach ((Comparison comparison, Results results, _) in all)
        {
            page += $"\n## {comparison.Title}\n\n{comparison.Text}\n\n{Table(results)}\n![consistency against text alignment]({PlotName(comparison)})\n\n" +
                $"Held-out subjects of seed {settings.Seeds[0]}:\n\n![references and what the methods draw]({SamplesName(comparison)})\n";
        }

        return page;
    }

    /// <summary>Markdown: means over seeds, then what PatchDPO gains on each method.</summary>
    public static string Table(Results results)
    {
        var text = new StringBuilder();
        text.AppendLine("| method | DINO | wrong parts | CLIP-T | asked and shown | patch quality |");
        text.AppendLine("| --- | --- | --- | --- | --- | --- |");
        foreach (Method method in results.Methods)
        {
            text.AppendLine($"| {method.Name} | {results.Mean(method, o => o.Dino):F3} | {Percent(results.Mean(method, o => o.WrongParts).Mean)} | {results.Mean(method, o => o.ClipT):F3} | " +
                $"{Percent(results.Mean(method, o => o.Asked).Mean)} | {results.Mean(method, o => o.PatchQuality):F3} |");
        }

        if (results.PatchDpo is not Method patchDpo || results.Of(patchDpo).Count < 2)
            return text.ToString();
        text.AppendLine();
        text.AppendLine($"{Method.PatchDpoName}, minus each other method (mean of the seeds' paired differences, 95 % interval):");
        text.AppendLine();
        text.AppendLine("| minus | DINO | wrong parts | CLIP-T | asked and shown |");
        text.AppendLine("| --- | --- | --- | --- | --- |");
        foreach (Method other in results.Methods.Where(m => m != patchDpo))
        {
            string Of(Func<Outcome, double> metric) => Signed(results.Difference(patchDpo, other, metric));
            text.AppendLine($"| {other.Name} | {Of(o => o.Dino)} | {Of(o => o.WrongParts)} | {Of(o => o.ClipT)} | {Of(o => o.Asked)} |");
        }

        return text.ToString();
    }

    private static string Percent(double share) => $"{100 * share:F1} %";

    private static string Signed(MetricEstimate estimate) => $"{Signed(estimate.Mean)} [{Signed(estimate.Lower)}, {Signed(estimate.Upper)}]";

    // Rounded first: a small negative number would come out as "-+0.000".
    private static string Signed(double value) => Math.Round(value, 3).ToString("+0.000;-0.000;0.000");
}
