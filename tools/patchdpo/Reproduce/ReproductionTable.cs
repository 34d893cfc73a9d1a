using System.Text;
using System.Text.Json;
using PatchDpo.Tool.Evaluate;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;

namespace PatchDpo.Tool.Reproduce;

/// <summary>The published figures and ours, and all that a reader needs to judge whether they compare.</summary>
/// <param name="settings">What was asked for.</param>
/// <param name="record">What decided the figures.</param>
/// <param name="runs">The folders of scores, and whether they are of the tuned model.</param>
internal sealed class ReproductionTable(
    ReproductionSettings settings, ReproductionRecord record, IReadOnlyList<(BenchmarkSetting Setting, bool IsAfter, string Scores)> runs)
{
    private const int BenchmarkImages = 750, OfficialSteps = 30_000, OfficialPairs = 32;

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly MeasuredFigures[] _figures =
    [
        .. runs.GroupBy(r => r.Setting).Select(g => MeasuredFigures.Read(g.Key, g.Single(r => !r.IsAfter).Scores, g.Single(r => r.IsAfter).Scores)),
    ];

    /// <summary>What a reader of the figures must know first.</summary>
    public static IEnumerable<string> Notes(ReproductionSettings settings)
    {
        if (settings.DataSet.Model == ModelPath.Embedded)
        {
            yield return "The generator is the small one that comes with the library: it draws 64 x 64 pixels and only ever saw drawn characters. Of photos "
                + "its figures show that every stage runs; beside the published ones they mean nothing.";
        }
        if (settings.Dino == EmbeddedModels.EvaluationDino || settings.Clip == EmbeddedModels.EvaluationClip)
            yield return EvaluateCommand.EmbeddedNote;
        int images = settings.Subjects.Count * settings.Prompts;
        if (images < BenchmarkImages)
            yield return $"{images} of the benchmark's {BenchmarkImages} images were drawn in each setting: the figures are of a part of it.";
        long seen = (long)settings.Training.MaxSteps * settings.Training.BatchSize * settings.Training.GradientAccumulation;
        if (seen < (long)OfficialSteps * OfficialPairs)
            yield return $"The tuning took {seen} pairs, each as often as it was drawn; the official one took {(long)OfficialSteps * OfficialPairs}.";
        yield return "The authors' training data were not released: the published figures are of their data set, ours of one that this program built.";
    }

    /// <summary>Writes table.md and table.json.</summary>
    /// <returns>The notes and figures as text, for the console.</returns>
    public string Write(string folder)
    {
        AtomicFile.Write(Path.Combine(folder, "table.json"), stream => JsonSerializer.Serialize(stream, new
        {
            Notes = Notes(settings),
            PublishedFiguresFrom = PublishedFigures.Source,
            settings.Drawing.Seed,
            Results = _figures.Select(f => new
            {
                Setting = f.Setting.Kind.ToString(),
                f.Setting.AdapterScale,
                Subjects = f.Before.Subjects.Count,
                f.Before.Images,
                f.Before.IntervalsOver,
                Published = Published(f.Setting).Select(p => new { p.Method, p.Dino, p.ClipI, p.ClipT }),
                Before = Numbers(f.Rows[0].Metrics),
                After = Numbers(f.Rows[1].Metrics),
                Change = Numbers(f.Rows[2].Metrics),
            }),
            Recipe = Recipe().Select(r => new { r.What, r.Published, r.Here }),
            record.Settings,
            record.Models,
        }, Format));
        string figures = string.Concat(Notes(settings).Select(n => $"> {n}\n>\n")) + string.Concat(_figures.Select(Section));
        string text = $"# DreamBench before and after PatchDPO, beside the published figures\n\n{figures}{Details()}";
        AtomicFile.Write(Path.Combine(folder, "table.md"), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
        return figures;
    }

    private string Section(MeasuredFigures figures)
    {
        string here = settings.DataSet.Model == ModelPath.Embedded ? "here, with the small model" : "here";
        StringBuilder text = new StringBuilder($"\n## Setting {figures.Setting.Title}\n\n| | ")
            .AppendJoin(" | ", MeasuredFigures.Metrics.Select(m => m.Title)).Append(" | from |\n| --- | --- | --- | --- | --- |\n");
        foreach (PublishedFigures p in Published(figures.Setting))
            text.Append($"| {p.Method} | {p.Dino:F3} | {p.ClipI:F3} | {(p.ClipT is double t ? $"{t:F3}" : "-")} | published |\n");
        foreach ((string title, bool isChange, MetricEstimate[] row) in figures.Rows)
            text.Append($"| {title} | ").AppendJoin(" | ", row.Select(m => Cell(m, isChange ? "+0.000;-0.000;0.000" : "0.000;-0.000"))).Append($" | {here} |\n");
        return text.Append($"\n{figures.Before.Subjects.Count} subjects, {figures.Before.Images} images on each side; in brackets 95 % intervals over "
            + $"{figures.Before.IntervalsOver}{(figures.Before.Images == 1 ? ", which a single one has not" : "")}.\n").ToString();
    }

    private static string Cell(MetricEstimate estimate, string format)
    {
        return double.IsNaN(estimate.Lower) ? Number(estimate.Mean) : $"{Number(estimate.Mean)} [{Number(estimate.Lower)}, {Number(estimate.Upper)}]";

        // Rounded first: a small negative number would come out as "-0.000".
        string Number(double value) => Math.Round(value, 3).ToString(format);
    }

    private string Details()
    {
        var text = new StringBuilder($"\nPublished figures: {PublishedFigures.Source}. The two settings do not compare.\n");
        text.Append("\n## The recipe, published and here\n\n| | published | here |\n| --- | --- | --- |\n");
        foreach ((string what, string published, string here) in Recipe())
            text.Append($"| {what} | {published} | {here} |\n");
        text.Append("\n## All settings\n\n| | |\n| --- | --- |\n");
        foreach ((string name, string value) in record.Settings)
            text.Append($"| {name} | {value} |\n");
        text.Append("\n## Models and photos\n\nThe SHA-256 of a file, or over the names and the SHA-256 of a folder's files.\n\n"
            + "| role | name | SHA-256 |\n| --- | --- | --- |\n");
        foreach (EvaluationModel model in record.Models)
            text.Append($"| {model.Role} | {model.Name} | `{model.Sha256}` |\n");
        return text.ToString();
    }

    // Names do not tell what a model is: the hashes are below.
    private (string What, string Published, string Here)[] Recipe() =>
    [
        ("base model", "RealVisXL V1.0 (SDXL)", Name("generator")),
        ("adapter that is tuned", "ip-adapter-plus_sdxl_vit-h", Name("adapter")),
        ("training data", "the authors' own", $"{settings.DataSet.References} references, with {settings.DataSet.Generations} images of each"),
        ("optimiser steps", $"{OfficialSteps}", $"{settings.Training.MaxSteps}"),
        ("pairs in a step", "4 on each of 8 GPUs", $"{settings.Training.BatchSize} in each of {settings.Training.GradientAccumulation} batches"),
        ("learning rate", "3E-05", $"{settings.Training.LearningRate}"),
        ("from patch quality to weight", "not published", $"{settings.Training.Weights.Kind}, to the power of {settings.Training.Weights.Contrast}"),
        ("number type", "float16, autoencoder float32", $"{settings.DataSet.Loading.DType}, autoencoder and tuned layers float32"),
        ("images in each setting", $"{BenchmarkImages}", $"{settings.Subjects.Count * settings.Prompts}"),
        ("sampling steps", "30", $"{settings.Drawing.Steps}"),
        ("weight of the references", "0.78; Kosmos-G 0.65", string.Join("; ", BenchmarkSetting.All.Select(s => $"{s.AdapterScale}"))),
        ("seed", "42", $"{settings.Drawing.Seed}"),
        ("DINO", "ViT-S/16", Name("DINO")),
        ("CLIP", "ViT-B/32", Name("CLIP")),
    ];

    private string Name(string role) => record.Models.FirstOrDefault(m => m.Role == role)?.Name ?? "the model folder's";

    private static IEnumerable<PublishedFigures> Published(BenchmarkSetting setting) => PublishedFigures.All.Where(p => p.Setting == setting.Kind);

    // JSON has no NaN.
    private static Dictionary<string, object> Numbers(MetricEstimate[] row) => MeasuredFigures.Metrics.Zip(row).ToDictionary(m => m.First.Key, m => (object)new
    {
        m.Second.Mean,
        Lower = double.IsNaN(m.Second.Lower) ? (double?)null : m.Second.Lower,
        Upper = double.IsNaN(m.Second.Upper) ? (double?)null : m.Second.Upper,
    });
}
