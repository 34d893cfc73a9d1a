using System.Globalization;
using Microsoft.ML;
using PatchDpo.MLNet;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;

namespace Quickstart;

/// <summary>The whole tour: references, generation, scoring, fine-tuning, evaluation.</summary>
internal static class Tour
{
    /// <summary>Runs it; 0 when all went well.</summary>
    public static int Run(QuickstartSettings settings)
    {
        string Folder(params string[] parts) => Path.Combine([settings.Output, .. parts]);
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var clock = new StageClock();
        var ml = new MLContext(settings.Seed);
        // The embedded encoder knows drawings alone; photos take ImageNet's ResNet-18.
        var pipeline = new Pipeline(ml, clock, settings.References is null ? EvaluationOptions.Embedded : new EvaluationOptions
        {
            Dino = ImageEncoder.EmbeddedDino,
            ClipFolder = EmbeddedModels.EvaluationClip,
            PatchQuality = ImageEncoder.ResNet18(),
            SubjectSimilarity = ImageEncoder.ResNet18(),
        });
        Directory.CreateDirectory(settings.Output);

        using PersonalizedModel model = clock.Run("load the embedded generator", ml.PatchDpo.LoadEmbeddedModel);
        (IReadOnlyList<Subject> train, IReadOnlyList<Subject> heldOut) = clock.Run("references", () => Split(settings, model.ImageSize, Folder("references")));
        Console.WriteLine($"        {train.Count} to train on, {heldOut.Count} held out");

        Workload pairs = Workload.OnWhite(train, settings.Pairs, settings.Noun, Folder("train"));
        clock.Run($"generate {pairs.Rows.Count} images to learn from", () => pipeline.Generate(pairs, model));
        using PersonalizedImageTransformer tuned = clock.Run(
            $"score their patches and fine-tune with PatchDPO, {settings.Steps} steps", ()
                => pipeline.Tune(pipeline.Score(pairs), model, settings.Steps, settings.LearningRate));

        Workload before = Workload.InScenes(heldOut, 2 * heldOut.Count, settings.Seed + 1, settings.Noun, Folder("before"));
        Workload after = before.Into(Folder("after"));
        clock.Run("generate held-out subjects before", () => pipeline.Generate(before, model));
        clock.Run("generate held-out subjects after", () => pipeline.Generate(after, tuned.Model));
        (PersonalizationMetrics metricsBefore, PersonalizationMetrics metricsAfter) = clock.Run(
            "evaluate both", () => (pipeline.Evaluate(before), pipeline.Evaluate(after)));
        clock.Run("draw heat maps and the grid", () => WriteGrid(pipeline, before, after, settings.Output));
        clock.Run("save the tuned model", () => Save(ml, tuned, pipeline, before, settings.Output));

        clock.PrintStages();
        ResultTable.Print(metricsBefore, metricsAfter, before.WrongParts(), after.WrongParts());
        Console.WriteLine($"""

            Look at    {Folder("grid.png")}
            Model      {Folder("tuned.zip")}   (mlContext.Model.Load)
            Adapter    {Folder("ip_adapter.safetensors")}
            """);
        return 0;
    }

    /// <summary>Up to a third of the subjects is held out: fine-tuning never sees them.</summary>
    private static (IReadOnlyList<Subject> Train, IReadOnlyList<Subject> HeldOut) Split(QuickstartSettings settings, int size, string folder)
    {
        IReadOnlyList<Subject> all = settings.References is null
            ? Subjects.Draw(settings.Pairs + settings.HeldOut, settings.Seed, folder)
            : Subjects.FromPhotos(settings.References, settings.Seed, size, folder);
        int heldOut = Math.Clamp(all.Count / 3, 1, settings.HeldOut);
        return (all.Take(all.Count - heldOut).ToList(), all.Skip(all.Count - heldOut).ToList());
    }

    private static int WriteGrid(Pipeline pipeline, Workload before, Workload after, string output)
    {
        string[] folders = ["heatmaps_before", "heatmaps_after"];
        foreach ((Workload workload, string name) in new[] { before, after }.Zip(folders))
        {
            string folder = Directory.CreateDirectory(Path.Combine(output, name)).FullName;
            pipeline.WriteImages(pipeline.HeatMaps(workload), "HeatMap",
                workload.Rows.Select(r => Path.Combine(folder, Path.GetFileName(r.GeneratedPath))).ToList());
        }
        QuickstartGrid.Write(Path.Combine(output, "grid.png"), before, after, Path.Combine(output, folders[0]), Path.Combine(output, folders[1]));
        return 0;
    }

    private static int Save(MLContext ml, PersonalizedImageTransformer tuned, Pipeline pipeline, Workload rows, string output)
    {
        ml.PatchDpo.SaveModel(tuned, pipeline.Load(rows).Schema, Path.Combine(output, "tuned.zip"));
        tuned.SaveAdapter(Path.Combine(output, "ip_adapter.safetensors"));
        return 0;
    }
}
