using System.Text;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;

namespace Ablation;

/// <summary>Writes the tables and the pictures.</summary>
internal static class Report
{
    /// <summary>The page of all comparisons, and the last one's pictures: those of the others are there already.</summary>
    public static void Write(IReadOnlyList<Finished> all, Settings settings)
    {
        Directory.CreateDirectory(settings.Output);
        Plot.Write(all[^1], Path.Combine(settings.Output, PlotName(all[^1].Comparison)));
        Samples.Write(all[^1], Path.Combine(settings.Output, SamplesName(all[^1].Comparison)));
        AtomicFile.Write(Path.Combine(settings.Output, "ablation.md"), stream => stream.Write(Encoding.UTF8.GetBytes(Page(all, settings))));
    }

    private static string PlotName(Comparison comparison) => $"ablation-{comparison.Name}.png";

    private static string SamplesName(Comparison comparison) => $"ablation-{comparison.Name}-samples.png";

    private static string Page(IReadOnlyList<Finished> all, Settings settings)
    {
        string page = $"""
            # Ablation

            Written by `dotnet run -c Release --project experiments/Ablation -- {settings.Arguments}`.

            Embedded generator, drawn characters. Seeds {string.Join(", ", settings.Seeds)}; for each: {settings.Pairs} training pairs, references on white, scored once;
            every method trains to_k_ip and to_v_ip from the same start for {settings.Steps} steps of {settings.BatchSize} pairs (AdamW, learning rate {settings.LearningRate:g},
            the same order, noise and timesteps; Diffusion-DPO's beta {settings.DiffusionDpoBeta:g}), then draws {settings.HeldOutSubjects} held-out subjects, a prompt each,
            from the same noise. Hyper-parameters were chosen on other seeds.

            p is estimated over the objects: where a reference is not plain (ForegroundMask.FromPlainBackground), and in a generated image where the
            drawing program puts the object, as a segmenter would. Other patches have quality 1: a reference's background is never trained on.
            "References' masks alone" does without the latter; "masks without p" has weight 0 all over the objects of generated images, and 1 all
            over those of references. Contrasts are exponents of min-max weights; image-level weights are min-max, or have the mass of the weights named.

            - DINO: cosine with the reference, by an encoder that none of the training uses. Wrong parts: the share of a character's visible parts
              whose colour is not what it should be at its place, which the drawing program knows.
            - CLIP-T: cosine with the prompt. Asked and shown: the share of what prompts ask for beyond the reference that is there.

            A weaker image prompt (AdapterScale) buys text alignment with consistency. The second tables compare consistency at equal text: each method
            draws with strength {string.Join(", ", Curve.Strengths)} until its CLIP-T is what the base has at full strength with the same seed; figures there are linear between the
            strengths drawn with. A method that has it at full strength keeps that. Where the least strength falls short, it is taken, and CLIP-T says so.

            """;
        foreach (Finished finished in all)
        {
            page += $"\n## {finished.Comparison.Title}\n\n{finished.Comparison.Text}\n\n{Tables(finished)}\n" +
                $"![consistency against text alignment]({PlotName(finished.Comparison)})\n\n" +
                $"Held-out subjects of seed {settings.Seeds[0]}, at full strength:\n\n![references and what the methods draw]({SamplesName(finished.Comparison)})\n";
        }

        return page;
    }

    /// <summary>Markdown: all methods at full strength, then with the base's text alignment.</summary>
    public static string Tables(Finished finished)
    {
        Results results = finished.Results;
        return $"""
            ### At full strength

            {Table(finished, results.Full)}
            ### With the base's text alignment

            {Table(finished, results.WithBasesText)}
            """;
    }

    // Means over seeds, then what PatchDPO gains on each method.
    private static string Table(Finished finished, Func<Method, IReadOnlyList<Outcome>> of)
    {
        var text = new StringBuilder();
        text.AppendLine("| method | strength | DINO | wrong parts | CLIP-T | asked and shown | patch quality |");
        text.AppendLine("| --- | --- | --- | --- | --- | --- | --- |");
        foreach (Method method in finished.Results.Methods)
        {
            string Mean(Func<Outcome, double> metric, string format) => Results.Mean(of(method), metric).Mean.ToString(format);
            text.AppendLine($"| {method.Name} | {Mean(o => o.Strength, "F2")} | {Mean(o => o.Dino, "F3")} | {Mean(o => o.WrongParts, "P1")} | "
                + $"{Mean(o => o.ClipT, "F3")} | {Mean(o => o.Asked, "P1")} | {Mean(o => o.PatchQuality, "F3")} |");
        }

        Method patchDpo = finished.Comparison.PatchDpo;
        if (!finished.Results.Methods.Contains(patchDpo) || of(patchDpo).Count < 2)
            return text.ToString();
        text.AppendLine();
        text.AppendLine($"{patchDpo.Name}, minus each other method (mean of the seeds' paired differences, 95 % interval):");
        text.AppendLine();
        text.AppendLine("| minus | DINO | wrong parts | CLIP-T | asked and shown |");
        text.AppendLine("| --- | --- | --- | --- | --- |");
        foreach (Method other in finished.Results.Methods.Where(m => m != patchDpo))
        {
            string Gain(Func<Outcome, double> metric) => Signed(Results.Difference(of(patchDpo), of(other), metric));
            text.AppendLine($"| {other.Name} | {Gain(o => o.Dino)} | {Gain(o => o.WrongParts)} | {Gain(o => o.ClipT)} | {Gain(o => o.Asked)} |");
        }

        AppendLeads(text, finished, of);
        return text.ToString();
    }

    // What the choice of patches brings: image-level weights of the same mass train as much on each image, and on all of its patches alike.
    private static void AppendLeads(StringBuilder text, Finished finished, Func<Method, IReadOnlyList<Outcome>> of)
    {
        (Method Method, Method OfItsMass)[] leads =
            [.. finished.Comparison.Leads.Where(l => finished.Results.Methods.Contains(l.Method) && finished.Results.Methods.Contains(l.OfItsMass))];
        if (leads.Length < 2)
            return;
        text.AppendLine();
        text.AppendLine("| lead over image-level weights of its mass | DINO | share of the first one's | wrong parts | share of the first one's |");
        text.AppendLine("| --- | --- | --- | --- | --- |");
        foreach ((Method method, Method mass) in leads)
        {
            text.AppendLine($"| {method.Name} | {Lead(o => o.Dino)} | {Lead(o => o.WrongParts)} |");
            string Lead(Func<Outcome, double> metric)
            {
                MetricEstimate lead = Difference(method, mass, metric);
                return $"{Signed(lead)} | {lead.Mean / Difference(leads[0].Method, leads[0].OfItsMass, metric).Mean:P0}";
            }
        }

        MetricEstimate Difference(Method method, Method other, Func<Outcome, double> metric) => Results.Difference(of(method), of(other), metric);
    }

    private static string Signed(MetricEstimate estimate) => $"{Signed(estimate.Mean)} [{Signed(estimate.Lower)}, {Signed(estimate.Upper)}]";

    // Rounded first: a small negative number would come out as "-+0.000".
    private static string Signed(double value) => Math.Round(value, 3).ToString("+0.000;-0.000;0.000");
}
