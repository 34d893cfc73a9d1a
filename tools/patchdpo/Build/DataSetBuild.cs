using PatchDpo.Examples;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;

namespace BuildDataSet;

/// <summary>Opens the models, builds the folder, and draws a sheet of its beginning.</summary>
internal static class DataSetBuild
{
    private const string Embedded = "embedded";
    private const int SheetRows = 12;

    /// <summary>Runs it; 0 when the folder is complete.</summary>
    public static int Run(DataSetSettings settings, CancellationToken cancellation)
    {
        bool small = settings.Model == Embedded;
        IReadOnlyList<string> prompts = settings.Prompts != "builtin" ? PromptFile.Read(settings.Prompts) : small ? ObjectPrompts.Embedded : ObjectPrompts.All;
        string encoderPath = settings.Encoder == Embedded ? EmbeddedModels.PatchEncoder : settings.Encoder;
        using PersonalizedModel model = small ? PersonalizedModel.LoadEmbedded() : PersonalizedModel.Load(settings.Model, settings.Loading);
        PromptWarnings.Print(model.FindTruncatedPrompts(prompts));
        using IVisionEncoder encoder = File.Exists(encoderPath) ? PatchEncoder.FromFile(encoderPath) : PatchEncoder.FromFolder(encoderPath);
        using ClipModel? clip = settings.Clip is null ? null : ClipModel.FromFolder(settings.Clip);
        GenerationOptions generation = small
            ? new() { Steps = settings.Steps ?? 20, GuidanceScale = 2, NegativePrompt = "", BatchSize = 16, Seed = settings.Seed }
            : new() { Steps = settings.Steps ?? 30, Seed = settings.Seed };
        var builder = new PairBuilder(
            model, encoder,
            new PairBuilderOptions
            {
                References = settings.References,
                GenerationsPerReference = settings.Generations,
                ReferenceGeneration = generation,
                Generation = generation,
                // To the small patch encoder all characters look much alike as a whole: only true repeats are dropped.
                Filter = new ReferenceFilterOptions { MinClipT = settings.MinClipT, MaxSimilarity = settings.Encoder == Embedded ? 0.9995 : 0.98 },
                MaskPlainBackground = true,
                ImageFormat = settings.Format,
            },
            clip, [ModelIdentity.FromPath("patch encoder", encoderPath), .. settings.Clip is null ? Array.Empty<ModelIdentity>() : [ModelIdentity.FromPath("CLIP", settings.Clip)]]);

        var progress = new ConsoleProgress();
        PairBuildSummary summary = builder.Build(prompts, settings.Output, progress, cancellation);
        Console.WriteLine($"{summary.Pairs} pairs of {summary.References} references in '{summary.Folder}'");
        Console.WriteLine($"  {summary.Candidates} pictures were drawn to be references; rejected: {(summary.Rejected.Count > 0 ? string.Join(", ", summary.Rejected.Select(r => $"{r.Value} {r.Key}")) : "none")}");
        if (summary.ReusedCandidates > 0)
            Console.WriteLine($"  not made again, because they were there: {summary.ReusedCandidates} of these pictures, {summary.ReusedPairs} pairs");
        Console.WriteLine($"  look at '{WriteSheet(settings.Output)}'");
        return 0;
    }

    /// <summary>References, their generated images and where these fail, for the first samples.</summary>
    private static string WriteSheet(string folder)
    {
        string path = Path.Combine(folder, "overview.png");
        IReadOnlyList<ImageBuffer>[] rows =
        [
            .. PairFolder.Open(folder).Read().GroupBy(p => p.Reference).Take(SheetRows)
                .Select(sample => (IReadOnlyList<ImageBuffer>)[sample.Key, .. sample.SelectMany(p => new[] { p.Generated, HeatMap.Render(p.Generated, p.GeneratedQuality) })]),
        ];
        string[] titles = ["reference", .. Enumerable.Repeat(new[] { "generated", "quality" }, (rows[0].Count - 1) / 2).SelectMany(t => t)];
        ImageFile.SavePng(path, ImageGrid.Compose(rows, new ImageGridOptions { ColumnTitles = titles }));
        return path;
    }
}
