using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Reports;
using PatchDpo.Torch.Training;

namespace PatchDpo.Documents.Tests.Samples;

/// <summary>The examples of what works without ML.NET; a region has the name of the member in whose documentation it stands.</summary>
public sealed class TorchSamples : IClassFixture<SampleFolder>
{
    [Fact]
    public void A_model_is_loaded_and_draws()
    {
        #region PatchDpo.Torch.Personalization.PersonalizedModel.Load
        using PersonalizedModel model = PersonalizedModel.Load(EmbeddedModels.Generator);   // or a folder of Stable Diffusion 1.5 or SDXL
        var request = new GenerationRequest("a cat, at night", [ImageFile.Load("photos/cat.png")]);
        ImageBuffer picture = model.Generate([request], new GenerationOptions { Steps = 16, GuidanceScale = 2, NegativePrompt = "" })[0];
        ImageFile.SavePng("cat-at-night.png", picture);
        #endregion
        Assert.Equal(model.ImageSize, ImageFile.Load("cat-at-night.png").Width);
    }

    [Fact]
    public void Patches_are_scored()
    {
        #region PatchDpo.Torch.PatchQuality.PatchQualityEstimator
        using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();   // of photos: PatchEncoder.LoadResNet18()
        var estimator = new PatchQualityEstimator(encoder);
        ImageBuffer generated = ImageFile.Load("generated/cat.png"), reference = ImageFile.Load("photos/cat.png");
        PatchQualityResult quality = estimator.Score([generated], [reference])[0];
        Console.WriteLine($"{quality.Score:F3}; the worst patch has {quality.Generated.Values.Min():F3}");
        ImageFile.SavePng("heat-map.png", HeatMap.Render(generated, quality.Generated));
        #endregion
        Assert.InRange(quality.Score, -1, 1);
        Assert.True(File.Exists("heat-map.png"));
    }

    [Fact]
    public void An_adapter_is_tuned()
    {
        #region PatchDpo.Torch.Training.PatchDpoTrainer
        using PersonalizedModel model = PersonalizedModel.LoadEmbedded();
        using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();
        ImageBuffer generated = ImageFile.Load("generated/cat.png"), reference = ImageFile.Load("photos/cat.png");
        PatchQualityResult quality = new PatchQualityEstimator(encoder).Score([generated], [reference])[0];
        TrainingPair[] pairs = [new("a cat, on a beach", reference, generated, quality.Reference, quality.Generated)];

        var trainer = new PatchDpoTrainer(model, new PatchDpoTrainerOptions { MaxSteps = 2, BatchSize = 1, LearningRate = 1e-3 });
        using PersonalizedModel tuned = model.WithAdapterLayers(trainer.Train(pairs));
        tuned.SaveAdapter("ip_adapter.safetensors");
        #endregion
        Assert.True(File.Exists("ip_adapter.safetensors"));
    }

    [Fact]
    public void Generations_are_evaluated()
    {
        #region PatchDpo.Torch.Evaluation.PersonalizationEvaluator
        using EvaluationModels models = EvaluationModels.LoadEmbedded();   // for figures of papers: EvaluationModels.FromFolders(dino, clip, null)
        PersonalizationEvaluator evaluator = models.CreateEvaluator();
        PersonalizationMetrics metrics = evaluator.Evaluate(
        [
            new EvaluationRow("cat", "a cat, on a beach", ImageFile.Load("generated/cat.png"), [ImageFile.Load("photos/cat.png")]),
            new EvaluationRow("robot", "a robot, on a beach", ImageFile.Load("generated/robot.png"), [ImageFile.Load("photos/robot.png")]),
        ]);
        new EvaluationReport(metrics).WriteJson("scores.json");
        #endregion
        Assert.Equal(["cat", "robot"], EvaluationReport.ReadJson("scores.json").Metrics.Subjects.Select(s => s.Subject));
    }

    [Fact]
    public void A_report_is_written()
    {
        #region PatchDpo.Torch.Reports.HtmlReport
        using EvaluationModels models = EvaluationModels.LoadEmbedded();
        EvaluationRow[] rows =
        [
            new("cat", "a cat, on a beach", ImageFile.Load("generated/cat.png"), [ImageFile.Load("photos/cat.png")]),
            new("robot", "a robot, on a beach", ImageFile.Load("generated/robot.png"), [ImageFile.Load("photos/robot.png")]),
        ];
        PersonalizationMetrics metrics = models.CreateEvaluator().Evaluate(rows);
        var report = new HtmlReport("This week's pictures");
        report.AddEvaluation(new EvaluationReport(metrics), images: i => rows[i], heatMaps: new PatchQualityEstimator(models.PatchEncoder!));
        report.Write("report.html");
        #endregion
        Assert.Contains("This week", File.ReadAllText("report.html"), StringComparison.Ordinal);
    }
}
