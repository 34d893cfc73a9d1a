using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

public sealed class EmbeddedModelTests
{
    private readonly MLContext _ml = new(1);

    [SkippableFact]
    public void A_tuned_embedded_generator_is_saved_without_its_base_and_loads_anywhere()
    {
        Skip.IfNot(Directory.Exists(EmbeddedModels.Generator) && Directory.Exists(EmbeddedModels.PatchEncoder),
            "The embedded models are not part of this build.");
        IDataView pairs = PairRow.Rows(_ml, 2);
        IDataView scored = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded).Fit(pairs).Transform(pairs);
        using PersonalizedModel model = _ml.PatchDpo.LoadEmbeddedModel();
        using PersonalizedImageTransformer tuned = _ml.PatchDpo.Trainers
            .PatchDpo(model, new PatchDpoTrainer.Options { Training = new() { MaxSteps = 1 }, Generation = new GenerationOptions { Steps = 2 } }).Fit(scored);

        using var stream = new MemoryStream();
        _ml.Model.Save(tuned, scored.Schema, stream);
        long baseSize = Directory.EnumerateFiles(EmbeddedModels.Generator, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);
        Assert.InRange(stream.Length, 1, baseSize / 2);

        stream.Position = 0;
        var other = new MLContext();
        PatchDpoComponents.Register(other);
        using var loaded = (PersonalizedImageTransformer)other.Model.Load(stream, out _);
        Assert.Equal(RowReader.Read(tuned.Transform(pairs), "Generated"), RowReader.Read(loaded.Transform(pairs), "Generated"));
    }

    [SkippableFact]
    public void The_embedded_evaluation_gives_all_metrics()
    {
        Skip.IfNot(Directory.Exists(EmbeddedModels.EvaluationDino) && Directory.Exists(EmbeddedModels.EvaluationClip),
            "The embedded models are not part of this build.");
        PersonalizationMetrics metrics = _ml.PatchDpo.Evaluate(PairRow.Rows(_ml, 4), EvaluationOptions.Embedded);
        Assert.All(new[] { metrics.Dino, metrics.ClipI, metrics.ClipT, metrics.PatchQuality }, m => Assert.InRange(m!.Mean, -1.001, 1.001));
        Assert.Equal(3, metrics.Models.Count);
    }

    [SkippableFact]
    public void The_embedded_CLIP_embeds_images_and_texts_in_one_space()
    {
        Skip.IfNot(Directory.Exists(EmbeddedModels.EvaluationClip), "The embedded models are not part of this build.");
        IDataView rows = TestImages.Rows(_ml, 2);
        using ImageEmbeddingTransformer images = _ml.PatchDpo.EmbedImages("E", ImageEncoder.EmbeddedClip, "Image").Fit(rows);
        using TextEmbeddingTransformer texts = _ml.PatchDpo.EmbedText("E", TextEncoder.Embedded, "Prompt").Fit(rows);
        Assert.Equal(images.Dimension, texts.Dimension);
        Assert.All(texts.Transform(rows).GetColumn<float[]>("E"), v => Assert.All(v, x => Assert.True(float.IsFinite(x))));
    }
}
