using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.MLNet;

/// <summary>Trainers of personalised generators and of image encoders: <c>mlContext.PatchDpo.Trainers</c>.</summary>
public sealed class PatchDpoTrainersCatalog
{
    private readonly MLContext _context;

    internal PatchDpoTrainersCatalog(MLContext context) => _context = context;

    /// <summary>Fine-tunes a generator's image adapter on scored pairs with PatchDPO.</summary>
    /// <param name="model">The generator to start from; it is not changed, and stays the caller's to dispose.</param>
    /// <param name="maxSteps">Optimizer steps.</param>
    /// <param name="learningRate">AdamW's learning rate.</param>
    public PatchDpoTrainer PatchDpo(PersonalizedModel model, int maxSteps = 30_000, double learningRate = 3e-5)
        => PatchDpo(model, new PatchDpoTrainer.Options { Training = new PatchDpoTrainerOptions { MaxSteps = maxSteps, LearningRate = learningRate } });

    /// <summary>Fine-tunes a generator's image adapter on scored pairs with PatchDPO.</summary>
    /// <param name="model">The generator to start from; it is not changed, and stays the caller's to dispose.</param>
    /// <param name="options">Columns and choices.</param>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();
    /// IDataView table = ml.Data.LoadFromEnumerable(
    /// [
    ///     new { Prompt = "a cat, on a beach", GeneratedPath = "generated/cat.png", ReferencePath = "photos/cat.png" },
    ///     new { Prompt = "a robot, on a beach", GeneratedPath = "generated/robot.png", ReferencePath = "photos/robot.png" },
    /// ]);
    /// EstimatorChain&lt;PatchQualityScoringTransformer&gt; scoring = ml.PatchDpo.LoadImages("Generated", inputColumnName: "GeneratedPath")
    ///     .Append(ml.PatchDpo.LoadImages("Reference", inputColumnName: "ReferencePath"))
    ///     .Append(ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded));
    /// IDataView scored = scoring.Fit(table).Transform(table);
    /// PatchDpoTrainer trainer = ml.PatchDpo.Trainers.PatchDpo(model, new PatchDpoTrainer.Options
    /// {
    ///     Training = new() { MaxSteps = 2, BatchSize = 2, LearningRate = 1e-3 },   // the paper's, for SDXL: 30,000 steps at 3e-5
    ///     ProgressCallback = p =&gt; Console.WriteLine($"step {p.Step} of {p.MaxSteps}: loss {p.Loss:F4}"),
    /// });
    /// using PersonalizedImageTransformer tuned = trainer.Fit(scored);
    /// tuned.SaveAdapter("ip_adapter.safetensors");
    /// using PersonalizedModel loaded = ml.PatchDpo.LoadPersonalizedModel(model.FolderPath, "ip_adapter.safetensors");
    /// </code></example>
    public PatchDpoTrainer PatchDpo(PersonalizedModel model, PatchDpoTrainer.Options options) => new(_context, model, options);

    /// <summary>Trains an image encoder's patch features on images without labels, so that patches which show the same thing get similar features.</summary>
    /// <param name="encoder">The encoder to start from; it is not changed.</param>
    /// <param name="inputColumnName">The image column.</param>
    /// <param name="maxSteps">Optimizer steps.</param>
    /// <param name="learningRate">AdamW's highest learning rate.</param>
    /// <returns>
    /// A trainer; what it fits gives patch features and, as <see cref="PatchEncoderTransformer.Encoder"/>, the encoder for
    /// <see cref="PatchDpoCatalog.ScorePatchQuality(string, string, ImageEncoder, string?)"/>.
    /// </returns>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// IDataView table = ml.Data.LoadFromEnumerable([new { Path = "photos/cat.png" }, new { Path = "photos/robot.png" }]);
    /// IDataView images = ml.PatchDpo.LoadImages("Image", inputColumnName: "Path").Fit(table).Transform(table);
    /// using PatchEncoderTransformer trained = ml.PatchDpo.Trainers.PatchEncoder(ImageEncoder.Embedded, maxSteps: 2).Fit(images);
    /// trained.Encoder.SaveTo("my-encoder");   // from then on: ImageEncoder.FromFolder("my-encoder")
    /// PatchMatchingMetrics matching = ml.PatchDpo.EvaluatePatchMatching(images, trained.Encoder, side: 64);
    /// </code></example>
    public PatchEncoderTrainer PatchEncoder(ImageEncoder encoder, string inputColumnName = "Image", int maxSteps = 300, double learningRate = 1e-4)
        => PatchEncoder(encoder, new PatchEncoderTrainer.Options { InputColumnName = ColumnName.Checked(inputColumnName),
            Training = new PatchEncoderTrainerOptions { MaxSteps = maxSteps, LearningRate = learningRate } });

    /// <summary>Trains an image encoder's patch features on images without labels.</summary>
    /// <param name="encoder">The encoder to start from; it is not changed.</param>
    /// <param name="options">Columns and choices.</param>
    public PatchEncoderTrainer PatchEncoder(ImageEncoder encoder, PatchEncoderTrainer.Options options) => new(_context, encoder, options);
}
