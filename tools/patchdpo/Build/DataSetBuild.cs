using PatchDpo.Tool.Shards;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Build;

/// <summary>Opens the models, builds the folder, and draws a sheet of its beginning.</summary>
internal static class DataSetBuild
{
    /// <summary>The word for the prompts that come with the library.</summary>
    public const string BuiltInPrompts = "builtin";

    private const string Sheet = "overview.png";
    private const int SheetRows = 12;

    /// <summary>Whether a folder's data set and sheet are there: the sheet is what is written last.</summary>
    public static bool IsDone(string folder) => File.Exists(Path.Combine(folder, Sheet));

    /// <summary>Opens the generator too, and runs it.</summary>
    public static void Run(DataSetSettings settings, ShardPlan plan, CancellationToken cancellationToken)
    {
        using PersonalizedModel model = PersonalizedModel.Load(ModelPath.Generator(settings.Model), settings.Loading);
        Run(model, settings, plan, cancellationToken);
    }

    /// <summary>Runs it with a generator that is open, which stays the caller's; the other models go to its device.</summary>
    public static void Run(PersonalizedModel model, DataSetSettings settings, ShardPlan plan, CancellationToken cancellationToken)
    {
        bool isSmall = settings.Model == ModelPath.Embedded;
        IReadOnlyList<string> prompts = settings.Prompts != BuiltInPrompts ? PromptFile.Read(settings.Prompts)
            : isSmall ? ObjectPrompts.Embedded
            : ObjectPrompts.All;
        PromptWarnings.Print(model.FindTruncatedPrompts(prompts));
        using IVisionEncoder encoder = settings.Encoder.Open(model.Device);
        using ClipModel? clip = settings.Clip is null ? null : ClipModel.FromFolder(settings.Clip, model.Device);
        GenerationOptions generation = (isSmall ? EmbeddedGeneration.Options : new GenerationOptions()) with
        {
            Steps = settings.Steps ?? (isSmall ? 20 : 30),
            Seed = settings.Seed,
        };
        if (settings.BatchSize is int together)
            generation = generation with { BatchSize = together };
        List<ModelIdentity> identities = [ModelIdentity.FromPath("patch encoder", settings.Encoder.Path, settings.Encoder.Chosen)];
        if (settings.Clip is not null)
            identities.Add(ModelIdentity.FromPath("CLIP", settings.Clip));
        var options = new PairBuilderOptions
        {
            References = settings.References,
            GenerationsPerReference = settings.Generations,
            ReferenceGeneration = generation,
            Generation = generation,
            Filter = new ReferenceFilterOptions { MinClipT = settings.MinClipT, MaxSimilarity = settings.Encoder.NearDuplicate },
            MaskPlainBackground = true,
            ReferenceViews = settings.Views,
            ObjectAlignment = settings.Alignment,
            ImageFormat = settings.Format,
        };
        var builder = new PairBuilder(model, encoder, options, clip, identities);
        if (plan.Shard is { Merges: false } shard && !Draw(builder, prompts, settings.Output, plan, shard, cancellationToken))
            return;
        PairBuildSummary summary = ToolProgress.Run("data set", shown => builder.Build(
            prompts, settings.Output, new DirectProgress<PairBuildProgress>(p => Show(shown, p)), cancellationToken));
        Print(summary);
        Console.WriteLine($"  look at '{WriteSheet(settings.Output)}'");
    }

    /// <summary>Draws a shard of the images; whether this process is to build the data set of all of them then.</summary>
    private static bool Draw(
        PairBuilder builder, IReadOnlyList<string> prompts, string output, ShardPlan plan, ShardChoice shard, CancellationToken cancellationToken)
    {
        string shards = Directory.CreateDirectory(Path.Combine(output, ShardFolder.Name)).FullName;
        // The library compares the rest.
        new ShardManifest(plan.Command, Environment.CurrentDirectory, 0, ShardSettings.Of()).Agree(shards);
        var patience = new RankPatience(shard.Timeout);
        ToolProgress.Run("images are drawn", shown =>
        {
            builder.Draw(prompts, output, new PairShard
            {
                Index = shard.Index,
                Count = shard.Count,
                WaitsForAll = shard.IsRank,
                Waiting = shard.IsRank ? patience.WaitFor : null,
            }, new DirectProgress<PairBuildProgress>(p =>
            {
                patience.Renew();
                Show(shown, p);
            }), cancellationToken);
            return 0;
        });
        if (!shard.IsRank)
            Console.WriteLine($"shard {shard.Index}/{shard.Count} is drawn. When all are: patchdpo merge {output}");
        return shard.IsRank && shard.Index == 0;
    }

    private static void Show(ToolProgress shown, PairBuildProgress progress)
    {
        string reused = progress.Reused > 0 ? $", {progress.Reused} of them from before" : "";
        string rejected = progress.Stage == PairBuildStage.References ? $", {progress.Rejected} rejected" : "";
        string batch = progress.Generation is { } g ? $"; step {g.Step} of {g.Steps}" : "";
        shown.Report(progress.Completed, progress.Total, $"{progress.Stage}: {progress.Completed} of {progress.Total}{reused}{rejected}{batch}");
    }

    private static void Print(PairBuildSummary summary)
    {
        string rejected = summary.Rejected.Count > 0 ? string.Join(", ", summary.Rejected.Select(r => $"{r.Value} {r.Key}")) : "none";
        Console.WriteLine($"{summary.Pairs} pairs of {summary.References} references in '{summary.Folder}'");
        Console.WriteLine($"  {summary.Candidates} pictures were drawn to be references; rejected: {rejected}");
        if (summary.ReusedCandidates > 0)
            Console.WriteLine($"  not made again, because they were there: {summary.ReusedCandidates} of these pictures, {summary.ReusedPairs} pairs");
    }

    /// <summary>References, their generated images and where these fail, for the first samples.</summary>
    private static string WriteSheet(string folder)
    {
        string path = Path.Combine(folder, Sheet);
        IReadOnlyList<ImageBuffer>[] rows =
        [
            .. PairFolder.Open(folder).Read().GroupBy(p => p.Reference).Take(SheetRows).Select(sample => (IReadOnlyList<ImageBuffer>)
                [sample.Key, .. sample.SelectMany(p => new[] { p.Generated, HeatMap.Render(p.Generated, p.GeneratedQuality) })]),
        ];
        string[] titles = ["reference", .. Enumerable.Repeat(new[] { "generated", "quality" }, (rows[0].Count - 1) / 2).SelectMany(t => t)];
        ImageFile.SavePng(path, ImageGrid.Compose(rows, new ImageGridOptions { ColumnTitles = titles }));
        return path;
    }
}
