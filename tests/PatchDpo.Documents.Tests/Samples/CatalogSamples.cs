using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Documents.Tests.Samples;

/// <summary>The examples of ML.NET's components; a region has the name of the member in whose documentation it stands.</summary>
public sealed class CatalogSamples : IClassFixture<SampleFolder>
{
    [Fact]
    public void Images_are_loaded()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.LoadImages
        var ml = new MLContext(seed: 1);
        IDataView table = ml.Data.LoadFromEnumerable([new { ReferencePath = "cat.png" }, new { ReferencePath = "robot.png" }]);
        IDataView images = ml.PatchDpo.LoadImages("Reference", "photos", "ReferencePath").Fit(table).Transform(table);
        List<int> widths = [.. images.GetColumn<MLImage>("Reference").Select(image => image.Width)];
        #endregion
        Assert.Equal([64, 64], widths);
    }

    [Fact]
    public void Patches_are_scored()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.ScorePatchQuality
        var ml = new MLContext(seed: 1);
        IDataView pairs = ml.Data.LoadFromEnumerable(
        [
            new { GeneratedPath = "generated/cat.png", ReferencePath = "photos/cat.png" },
            new { GeneratedPath = "generated/robot.png", ReferencePath = "photos/cat.png" },
        ]);
        EstimatorChain<PatchQualityScoringTransformer> scoring = ml.PatchDpo.LoadImages("Generated", inputColumnName: "GeneratedPath")
            .Append(ml.PatchDpo.LoadImages("Reference", inputColumnName: "ReferencePath"))
            .Append(ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded));   // of photos: ImageEncoder.ResNet18()
        using TransformerChain<PatchQualityScoringTransformer> scorer = scoring.Fit(pairs);
        IDataView scored = scorer.Transform(pairs);   // + GeneratedQuality and ReferenceQuality, 16 x 16 patches each, and PatchQualityScore
        float[] scores = [.. scored.GetColumn<float>("PatchQualityScore")];   // the higher, the more alike
        #endregion
        Assert.True(scores[0] > scores[1]);
        Assert.Equal([16, 16], ((VectorDataViewType)scored.Schema["GeneratedQuality"].Type).Dimensions.ToArray());
    }

    [Fact]
    public void Images_are_embedded()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.EmbedImages
        var ml = new MLContext(seed: 1);
        IDataView table = ml.Data.LoadFromEnumerable([new { Path = "photos/cat.png" }, new { Path = "generated/cat.png" }]);
        IEstimator<ITransformer> embedding = ml.PatchDpo.LoadImages("Image", inputColumnName: "Path")
            .Append(ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.EmbeddedDino, "Image"))
            .Append(ml.Transforms.NormalizeLpNorm("Embedding"));
        float[][] vectors = [.. embedding.Fit(table).Transform(table).GetColumn<float[]>("Embedding")];
        float cosine = vectors[0].Zip(vectors[1], (a, b) => a * b).Sum();
        #endregion
        Assert.InRange(cosine, -1.001f, 1.001f);
    }

    [Fact]
    public void Texts_are_embedded()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.EmbedText
        var ml = new MLContext(seed: 1);
        IDataView table = ml.Data.LoadFromEnumerable([new { Prompt = "a cat, on a beach" }, new { Prompt = "a robot, at night" }]);
        using TextEmbeddingTransformer embedding = ml.PatchDpo.EmbedText("Embedding", TextEncoder.Embedded, "Prompt").Fit(table);
        float[][] vectors = [.. embedding.Transform(table).GetColumn<float[]>("Embedding")];
        #endregion
        Assert.Equal(2, vectors.Length);
        Assert.All(vectors, vector => Assert.Equal(embedding.Dimension, vector.Length));
    }

    [Fact]
    public void References_are_composed()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.ComposeReferences
        var ml = new MLContext(seed: 1);
        IDataView table = ml.Data.LoadFromEnumerable([new { FirstPath = "photos/cat.png", SecondPath = "photos/robot.png" }]);
        EstimatorChain<ReferenceMontageTransformer> composing = ml.PatchDpo.LoadImages("First", inputColumnName: "FirstPath")
            .Append(ml.PatchDpo.LoadImages("Second", inputColumnName: "SecondPath"))
            .Append(ml.PatchDpo.ComposeReferences("Reference", "First", "Second"));
        foreach (MLImage montage in composing.Fit(table).Transform(table).GetColumn<MLImage>("Reference"))
            montage.Save("cat-and-robot.png");
        #endregion
        Assert.Equal(512, ImageFile.Load("cat-and-robot.png").Width);
    }

    [Fact]
    public void Pairs_are_built_and_read()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.BuildPairs
        var ml = new MLContext(seed: 1);
        using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();
        IDataView prompts = ml.Data.LoadFromEnumerable([new { Prompt = "a cat, on a white background" }, new { Prompt = "a robot, on a white background" }]);
        var drawing = new GenerationOptions { Steps = 8, GuidanceScale = 2, NegativePrompt = "", BatchSize = 2 };
        IDataView pairs = ml.PatchDpo.BuildPairs(prompts, "pairs", model, ImageEncoder.Embedded, new PairBuildingOptions
        {
            Builder = new() { References = 2, GenerationsPerReference = 1, ReferenceGeneration = drawing, Generation = drawing },
        });
        // Later, or in another process:
        IDataView read = ml.PatchDpo.LoadPairs("pairs");
        using PersonalizedImageTransformer tuned = ml.PatchDpo.Trainers.PatchDpo(model, maxSteps: 2).Fit(read);
        #endregion
        Assert.Equal(2, pairs.GetRowCount());
    }

    [Fact]
    public void Images_are_generated()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.GeneratePersonalizedImages
        var ml = new MLContext(seed: 1);
        using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();   // your own: ml.PatchDpo.LoadPersonalizedModel(folder)
        IDataView requests = ml.Data.LoadFromEnumerable([new { Prompt = "a cat, at night", ReferencePath = "photos/cat.png" }]);
        var generation = new GenerationOptions { Steps = 16, GuidanceScale = 2, NegativePrompt = "" };
        EstimatorChain<PersonalizedImageTransformer> drawing = ml.PatchDpo.LoadImages("Reference", inputColumnName: "ReferencePath")
            .Append(ml.PatchDpo.GeneratePersonalizedImages(model, generation: generation));
        foreach (MLImage picture in drawing.Fit(requests).Transform(requests).GetColumn<MLImage>("Generated"))
            picture.Save("cat-at-night.png");
        #endregion
        Assert.Equal(model.ImageSize, ImageFile.Load("cat-at-night.png").Width);
    }

    [Fact]
    public void Generations_are_evaluated()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.Evaluate
        var ml = new MLContext(seed: 1);
        IDataView table = ml.Data.LoadFromEnumerable(
        [
            new { Subject = "cat", Prompt = "a cat, on a beach", GeneratedPath = "generated/cat.png", ReferencePath = "photos/cat.png" },
            new { Subject = "robot", Prompt = "a robot, on a beach", GeneratedPath = "generated/robot.png", ReferencePath = "photos/robot.png" },
        ]);
        EstimatorChain<ImageFileLoadingTransformer> loading = ml.PatchDpo.LoadImages("Generated", inputColumnName: "GeneratedPath")
            .Append(ml.PatchDpo.LoadImages("Reference", inputColumnName: "ReferencePath"));
        // The figures of papers: EvaluationOptions.DreamBench(dinoFolder, clipFolder).
        PersonalizationMetrics metrics = ml.PatchDpo.Evaluate(loading.Fit(table).Transform(table), EvaluationOptions.Embedded);
        Console.WriteLine($"DINO {metrics.Dino:F3}  CLIP-I {metrics.ClipI:F3}  CLIP-T {metrics.ClipT:F3}");
        #endregion
        Assert.Equal(["cat", "robot"], metrics.Subjects.Select(s => s.Subject));
    }

    [Fact]
    public void A_model_is_saved_and_loaded()
    {
        #region PatchDpo.MLNet.PatchDpoCatalog.SaveModel
        var ml = new MLContext(seed: 1);
        IDataView table = ml.Data.LoadFromEnumerable([new { Path = "photos/cat.png" }]);
        EstimatorChain<ImageEmbeddingTransformer> embedding = ml.PatchDpo.LoadImages("Image", inputColumnName: "Path")
            .Append(ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.EmbeddedDino, "Image"));
        using (TransformerChain<ImageEmbeddingTransformer> fitted = embedding.Fit(table))
            ml.PatchDpo.SaveModel(fitted, table.Schema, "embedding.zip");

        // In another process:
        ITransformer loaded = new MLContext().PatchDpo.LoadModel("embedding.zip", out DataViewSchema inputSchema);
        #endregion
        Assert.Equal(["Path"], inputSchema.Select(c => c.Name));
        Assert.Single(loaded.Transform(table).GetColumn<float[]>("Embedding"));
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public void A_generator_is_tuned()
    {
        #region PatchDpo.MLNet.PatchDpoTrainersCatalog.PatchDpo
        var ml = new MLContext(seed: 1);
        using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();
        IDataView table = ml.Data.LoadFromEnumerable(
        [
            new { Prompt = "a cat, on a beach", GeneratedPath = "generated/cat.png", ReferencePath = "photos/cat.png" },
            new { Prompt = "a robot, on a beach", GeneratedPath = "generated/robot.png", ReferencePath = "photos/robot.png" },
        ]);
        EstimatorChain<PatchQualityScoringTransformer> scoring = ml.PatchDpo.LoadImages("Generated", inputColumnName: "GeneratedPath")
            .Append(ml.PatchDpo.LoadImages("Reference", inputColumnName: "ReferencePath"))
            .Append(ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded));
        IDataView scored = scoring.Fit(table).Transform(table);
        PatchDpoTrainer trainer = ml.PatchDpo.Trainers.PatchDpo(model, new PatchDpoTrainer.Options
        {
            Training = new() { MaxSteps = 2, BatchSize = 2, LearningRate = 1e-3 },   // the paper's, for SDXL: 30,000 steps at 3e-5
            ProgressCallback = p => Console.WriteLine($"step {p.Step} of {p.MaxSteps}: loss {p.Loss:F4}"),
        });
        using PersonalizedImageTransformer tuned = trainer.Fit(scored);
        tuned.SaveAdapter("ip_adapter.safetensors");
        using PersonalizedModel loaded = ml.PatchDpo.LoadPersonalizedModel(model.FolderPath, "ip_adapter.safetensors");
        #endregion
        float[] Values(PersonalizedModel m) => m.AdapterLayers.parameters().First().data<float>().ToArray();
        Assert.Equal(Values(tuned.Model), Values(loaded));
        Assert.NotEqual(Values(model), Values(loaded));
    }

    [Fact]
    public void A_patch_encoder_is_trained()
    {
        #region PatchDpo.MLNet.PatchDpoTrainersCatalog.PatchEncoder
        var ml = new MLContext(seed: 1);
        IDataView table = ml.Data.LoadFromEnumerable([new { Path = "photos/cat.png" }, new { Path = "photos/robot.png" }]);
        IDataView images = ml.PatchDpo.LoadImages("Image", inputColumnName: "Path").Fit(table).Transform(table);
        using PatchEncoderTransformer trained = ml.PatchDpo.Trainers.PatchEncoder(ImageEncoder.Embedded, maxSteps: 2).Fit(images);
        trained.Encoder.SaveTo("my-encoder");   // from then on: ImageEncoder.FromFolder("my-encoder")
        PatchMatchingMetrics matching = ml.PatchDpo.EvaluatePatchMatching(images, trained.Encoder, side: 64);
        #endregion
        Assert.InRange(matching.Accuracy, 0, 1);
        Assert.NotEmpty(Directory.GetFiles("my-encoder"));
    }
}
