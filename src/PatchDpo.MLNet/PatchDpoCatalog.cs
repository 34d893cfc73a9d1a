using System.Reflection;
using System.Runtime.ExceptionServices;
using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Everything of this library that an <see cref="MLContext"/> can make: <c>mlContext.PatchDpo</c>.</summary>
public sealed class PatchDpoCatalog
{
    private readonly MLContext _context;

    internal PatchDpoCatalog(MLContext context)
    {
        _context = context;
        Trainers = new PatchDpoTrainersCatalog(context);
        PatchDpoComponents.Register(context);
    }

    /// <summary>Trainers of personalised generators and of image encoders.</summary>
    public PatchDpoTrainersCatalog Trainers { get; }

    /// <summary>Loads the image files that a column names, with limits, and with errors that name file and row.</summary>
    /// <param name="outputColumnName">The image column to add.</param>
    /// <param name="imageFolder">The folder that relative paths start from; null for the current one.</param>
    /// <param name="inputColumnName">The text column with the paths; null where it is named as the output.</param>
    /// <param name="options">Limits on size; null for the defaults.</param>
    /// <param name="allowMissing">Whether an empty path stands for a missing image; by default it is an error. A path without a file always is.</param>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// IDataView table = ml.Data.LoadFromEnumerable([new { ReferencePath = "cat.png" }, new { ReferencePath = "robot.png" }]);
    /// IDataView images = ml.PatchDpo.LoadImages("Reference", "photos", "ReferencePath").Fit(table).Transform(table);
    /// List&lt;int&gt; widths = [.. images.GetColumn&lt;MLImage&gt;("Reference").Select(image =&gt; image.Width)];
    /// </code></example>
    public ImageFileLoadingEstimator LoadImages(
        string outputColumnName, string? imageFolder = null, string? inputColumnName = null, ImageDecodeOptions? options = null, bool allowMissing = false)
        => new(outputColumnName, imageFolder, inputColumnName, options, allowMissing);

    /// <summary>
    /// Puts the references of several objects side by side into one image of 512 x 512 pixels (the official training size), for pairs of several
    /// objects.
    /// </summary>
    /// <param name="outputColumnName">The image column to add.</param>
    /// <param name="inputColumnNames">The image columns, from left to right, at least one.</param>
    /// <exception cref="ArgumentException">There is no column, or one has no name.</exception>
    /// <remarks>See <see cref="ReferenceMontage"/>, and <see cref="PatchDpoTrainer.Options.ImagePromptColumnNames"/> for what it is good for.</remarks>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// IDataView table = ml.Data.LoadFromEnumerable([new { FirstPath = "photos/cat.png", SecondPath = "photos/robot.png" }]);
    /// EstimatorChain&lt;ReferenceMontageTransformer&gt; composing = ml.PatchDpo.LoadImages("First", inputColumnName: "FirstPath")
    ///     .Append(ml.PatchDpo.LoadImages("Second", inputColumnName: "SecondPath"))
    ///     .Append(ml.PatchDpo.ComposeReferences("Reference", "First", "Second"));
    /// foreach (MLImage montage in composing.Fit(table).Transform(table).GetColumn&lt;MLImage&gt;("Reference"))
    ///     montage.Save("cat-and-robot.png");
    /// </code></example>
    public ReferenceMontageEstimator ComposeReferences(string outputColumnName, params string[] inputColumnNames)
        => ComposeReferences(outputColumnName, inputColumnNames, size: 512);

    /// <summary>Puts the references of several objects side by side into one image, for pairs of several objects.</summary>
    /// <param name="outputColumnName">The image column to add.</param>
    /// <param name="inputColumnNames">The image columns, from left to right, at least one.</param>
    /// <param name="size">Side of the image in pixels, at least the number of columns.</param>
    /// <exception cref="ArgumentException">There is no column, or one has no name.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is too small.</exception>
    public ReferenceMontageEstimator ComposeReferences(string outputColumnName, IReadOnlyList<string> inputColumnNames, int size)
        => new(outputColumnName, inputColumnNames, size);

    /// <summary>Reads a data set of pairs: a folder that <see cref="BuildPairs"/> made, or one in the official layout alone.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="images">Limits on the images' size; null for the defaults.</param>
    /// <returns>
    /// A view with the columns that <see cref="PatchDpoTrainersCatalog.PatchDpo(PersonalizedModel, PatchDpoTrainer.Options)"/> takes by default
    /// (Prompt, Reference, Generated, ReferenceQuality, GeneratedQuality), with Sample, Index, ReferencePath and GeneratedPath.
    /// Images are read row by row, when they are asked for. A folder with <c>references.jsonl</c> adds of its image prompts, counted from 0: ImagePrompt0,
    /// ImagePrompt0Name (empty for none), ImagePrompt0Box (four zeros for none), ImagePrompt0Mask (missing for none), ImagePrompt0Path and
    /// ImagePrompt0MaskPath.
    /// </returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="PairFolderException">
    /// The data set is not finished, a pair lacks a file or stands there twice, or a map has another grid or impossible values; <c>references.jsonl</c>
    /// is malformed, or has samples with different numbers of image prompts, a scale or further photos, for which there are no columns.
    /// </exception>
    /// <exception cref="WeightsFormatException">A file of maps is malformed, or has a value that is not finite.</exception>
    public IDataView LoadPairs(string folder, ImageDecodeOptions? images = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return PairFolderView.Open(_context, folder, images);
    }

    /// <summary>
    /// Builds a data set of pairs from prompts, or what is missing of it: references drawn from text, images generated of them, the quality of both
    /// sides' patches.
    /// </summary>
    /// <param name="prompts">The prompts: objects on a clean background.</param>
    /// <param name="folder">Made where it is missing. Empty, or of an earlier call with the same prompts, models and options, which is continued.</param>
    /// <param name="model">The generator that is to be improved; it draws the references too.</param>
    /// <param name="encoder">Gives patch quality, and whole-image features to find near duplicates.</param>
    /// <param name="options">Numbers of images, generation, filter; null for the defaults.</param>
    /// <returns>The view that <see cref="LoadPairs"/> gives.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The prompt column is absent or of another type.</exception>
    /// <exception cref="EmptyDataException">The data have no row.</exception>
    /// <exception cref="InvalidRowException">
    /// A prompt is empty or too long, or has more tokens than the text encoder takes and the options refuse that.
    /// </exception>
    /// <exception cref="PairFolderMismatchException">The folder was begun with other options, prompts or models.</exception>
    /// <exception cref="PairFolderException">The folder holds pairs of something else, or a recorded file is missing or has changed.</exception>
    /// <exception cref="TooFewReferencesException">The filter rejected too many candidates.</exception>
    /// <exception cref="OperationCanceledException"><see cref="PairBuildingOptions.CancellationToken"/> was cancelled.</exception>
    /// <remarks>The work is done at once, not when the view is read. <see cref="PairBuilder"/> says what the folder holds.</remarks>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();
    /// IDataView prompts = ml.Data.LoadFromEnumerable([new { Prompt = "a cat, on a white background" }, new { Prompt = "a robot, on a white background" }]);
    /// var drawing = new GenerationOptions { Steps = 8, GuidanceScale = 2, NegativePrompt = "", BatchSize = 2 };
    /// IDataView pairs = ml.PatchDpo.BuildPairs(prompts, "pairs", model, ImageEncoder.Embedded, new PairBuildingOptions
    /// {
    ///     Builder = new() { References = 2, GenerationsPerReference = 1, ReferenceGeneration = drawing, Generation = drawing },
    /// });
    /// // Later, or in another process:
    /// IDataView read = ml.PatchDpo.LoadPairs("pairs");
    /// using PersonalizedImageTransformer tuned = ml.PatchDpo.Trainers.PatchDpo(model, maxSteps: 2).Fit(read);
    /// </code></example>
    public IDataView BuildPairs(IDataView prompts, string folder, PersonalizedModel model, ImageEncoder encoder, PairBuildingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(encoder);
        new PairBuilding(_context, model, encoder, options ?? new PairBuildingOptions()).Run(prompts, folder);
        return LoadPairs(folder);
    }

    /// <summary>Scores each patch of generated images against a reference image.</summary>
    /// <param name="generated">The image column with generated images.</param>
    /// <param name="reference">The image column with their references.</param>
    /// <param name="encoder">Gives the patch features.</param>
    /// <param name="heatMap">The image column to add with the map drawn over the generated image; null: none.</param>
    /// <returns>
    /// An estimator that adds the vector columns <c>generated + "Quality"</c> and <c>reference + "Quality"</c> and the Single
    /// column <c>PatchQualityScore</c>.
    /// </returns>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// IDataView pairs = ml.Data.LoadFromEnumerable(
    /// [
    ///     new { GeneratedPath = "generated/cat.png", ReferencePath = "photos/cat.png" },
    ///     new { GeneratedPath = "generated/robot.png", ReferencePath = "photos/cat.png" },
    /// ]);
    /// EstimatorChain&lt;PatchQualityScoringTransformer&gt; scoring = ml.PatchDpo.LoadImages("Generated", inputColumnName: "GeneratedPath")
    ///     .Append(ml.PatchDpo.LoadImages("Reference", inputColumnName: "ReferencePath"))
    ///     .Append(ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded));   // of photos: ImageEncoder.ResNet18()
    /// using TransformerChain&lt;PatchQualityScoringTransformer&gt; scorer = scoring.Fit(pairs);
    /// IDataView scored = scorer.Transform(pairs);   // + GeneratedQuality and ReferenceQuality, 16 x 16 patches each, and PatchQualityScore
    /// float[] scores = [.. scored.GetColumn&lt;float&gt;("PatchQualityScore")];   // the higher, the more alike
    /// </code></example>
    public PatchQualityScoringEstimator ScorePatchQuality(string generated, string reference, ImageEncoder encoder, string? heatMap = null)
        => ScorePatchQuality(encoder, new PatchQualityScoringEstimator.Options
        {
            GeneratedColumnName = ColumnName.Checked(generated),
            ReferenceColumnName = ColumnName.Checked(reference),
            GeneratedQualityColumnName = generated + "Quality",
            ReferenceQualityColumnName = reference + "Quality",
            HeatMapColumnName = heatMap,
        });

    /// <summary>Scores each patch of generated images against a reference image.</summary>
    /// <param name="encoder">Gives the patch features.</param>
    /// <param name="options">Columns and choices.</param>
    /// <exception cref="ArgumentException">
    /// The options ask for the references' masks in two ways, or for several objects with masks or with a column that would be added twice.
    /// </exception>
    /// <remarks>
    /// A row that lacks an image or a mask, or whose mask holds no object, raises an <see cref="InvalidRowException"/> when its columns are asked
    /// for.
    /// </remarks>
    public PatchQualityScoringEstimator ScorePatchQuality(ImageEncoder encoder, PatchQualityScoringEstimator.Options options)
        => new(_context, encoder, options);

    /// <summary>Embeds images: one vector an image.</summary>
    /// <param name="outputColumnName">The vector column to add.</param>
    /// <param name="encoder">DINO's class token or CLIP's image embedding.</param>
    /// <param name="inputColumnName">The image column; null where it is named as the output.</param>
    /// <param name="batchSize">Images encoded at once.</param>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// IDataView table = ml.Data.LoadFromEnumerable([new { Path = "photos/cat.png" }, new { Path = "generated/cat.png" }]);
    /// IEstimator&lt;ITransformer&gt; embedding = ml.PatchDpo.LoadImages("Image", inputColumnName: "Path")
    ///     .Append(ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.EmbeddedDino, "Image"))
    ///     .Append(ml.Transforms.NormalizeLpNorm("Embedding"));
    /// float[][] vectors = [.. embedding.Fit(table).Transform(table).GetColumn&lt;float[]&gt;("Embedding")];
    /// float cosine = vectors[0].Zip(vectors[1], (a, b) =&gt; a * b).Sum();
    /// </code></example>
    public ImageEmbeddingEstimator EmbedImages(string outputColumnName, ImageEncoder encoder, string? inputColumnName = null, int batchSize = 16)
        => new(_context, encoder, new EmbeddingColumns(outputColumnName, inputColumnName ?? outputColumnName, batchSize));

    /// <summary>Embeds texts with CLIP: one vector a text.</summary>
    /// <param name="outputColumnName">The vector column to add.</param>
    /// <param name="encoder">The CLIP model.</param>
    /// <param name="inputColumnName">The text column; null where it is named as the output.</param>
    /// <param name="batchSize">Texts encoded at once.</param>
    /// <param name="refuseTruncatedTexts">
    /// Whether a text with more tokens than the encoder takes is an error (<see cref="InvalidRowException"/>); by default it is cut, with a warning
    /// of <see cref="MLContext.Log"/>.
    /// </param>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// IDataView table = ml.Data.LoadFromEnumerable([new { Prompt = "a cat, on a beach" }, new { Prompt = "a robot, at night" }]);
    /// using TextEmbeddingTransformer embedding = ml.PatchDpo.EmbedText("Embedding", TextEncoder.Embedded, "Prompt").Fit(table);
    /// float[][] vectors = [.. embedding.Transform(table).GetColumn&lt;float[]&gt;("Embedding")];
    /// </code></example>
    public TextEmbeddingEstimator EmbedText(
        string outputColumnName, TextEncoder encoder, string? inputColumnName = null, int batchSize = 64, bool refuseTruncatedTexts = false)
        => new(_context, encoder, new EmbeddingColumns(outputColumnName, inputColumnName ?? outputColumnName, batchSize), refuseTruncatedTexts);

    /// <summary>
    /// Saves a model as <c>mlContext.Model.Save</c> does, but so that <paramref name="path"/> holds the old model or the whole new one, whatever
    /// happens.
    /// </summary>
    /// <param name="model">The transformer, or a chain of them.</param>
    /// <param name="inputSchema">The columns that it was fitted on (image columns are left out); null saves none.</param>
    /// <param name="path">The model's file; replaced in one step where it exists.</param>
    /// <exception cref="NotSupportedException">The model has an image encoder of one's own, which cannot be saved.</exception>
    /// <exception cref="ObjectDisposedException">A transformer was disposed.</exception>
    /// <exception cref="IOException">The file cannot be written (disk full, folder missing); the old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    /// <remarks>
    /// <c>mlContext.Model.Save(model, schema, path)</c> empties the old file before it writes: where the process is killed or the disk is full
    /// then, both models are lost. Here the model is written beside it, flushed to the disk and renamed (<see cref="AtomicFile"/>). The files
    /// are the same: either way of loading takes both.
    /// </remarks>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// IDataView table = ml.Data.LoadFromEnumerable([new { Path = "photos/cat.png" }]);
    /// EstimatorChain&lt;ImageEmbeddingTransformer&gt; embedding = ml.PatchDpo.LoadImages("Image", inputColumnName: "Path")
    ///     .Append(ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.EmbeddedDino, "Image"));
    /// using (TransformerChain&lt;ImageEmbeddingTransformer&gt; fitted = embedding.Fit(table))
    ///     ml.PatchDpo.SaveModel(fitted, table.Schema, "embedding.zip");
    ///
    /// // In another process:
    /// ITransformer loaded = new MLContext().PatchDpo.LoadModel("embedding.zip", out DataViewSchema inputSchema);
    /// </code></example>
    public void SaveModel(ITransformer model, DataViewSchema? inputSchema, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, stream => _context.Model.Save(model, inputSchema, stream));
    }

    /// <summary>Loads a saved model, as <c>mlContext.Model.Load</c> does, with the components' own errors instead of wrapped ones.</summary>
    /// <param name="path">The model's file.</param>
    /// <param name="inputSchema">The columns that the model was saved with (without images).</param>
    /// <exception cref="InvalidDataException">The file is no saved model, or is cut off; or a pipe, a device or a folder stands there.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelReferenceException">A folder of weights that the model refers to is gone or has changed.</exception>
    /// <exception cref="ModelFileNotFoundException">Such a folder lacks a file.</exception>
    public ITransformer LoadModel(string path, out DataViewSchema inputSchema)
    {
        try
        {
            using BufferedStream stream = new(RegularFile.OpenRead(path, kind => new InvalidDataException($"'{path}': this is {kind}, not a saved model.")));
            return _context.Model.Load(stream, out inputSchema);
        }
        catch (TargetInvocationException e)
        {
            // Once for each chain that the component stands in.
            Exception cause = e;
            while (cause is TargetInvocationException { InnerException: Exception inner })
                cause = inner;
            ExceptionDispatchInfo.Throw(cause);
            throw;
        }
    }

    /// <summary>Loads a personalised generator onto the context's device.</summary>
    /// <param name="folder">The model's folder, Stable Diffusion 1.5 or SDXL in diffusers' layout, with <c>image_encoder</c> beside the other parts.</param>
    /// <param name="adapter">An IP-Adapter, safetensors or the official <c>.bin</c>; null takes the folder's <c>ip_adapter.safetensors</c>.</param>
    /// <param name="dtype">The type of the weights: Float32 (default), Float16 or BFloat16.</param>
    /// <returns>The model, which the caller disposes after the transformers that use it.</returns>
    /// <exception cref="ModelFileNotFoundException">The folder lacks a file; the message names folder and file.</exception>
    /// <exception cref="InvalidOperationException">The context's GPU is absent and falling back to the CPU is off.</exception>
    public PersonalizedModel LoadPersonalizedModel(string folder, string? adapter = null, ScalarType dtype = ScalarType.Float32)
        => PersonalizedModel.Load(folder, adapter, EnvironmentDevice.Of(_context), dtype);

    /// <summary>Loads a personalised generator onto the context's device, with parts that do not lie in its folder.</summary>
    /// <param name="path">
    /// The model's folder in diffusers' layout, or a whole Stable Diffusion 1.5 or SDXL model in one file (see
    /// <see cref="PersonalizedModel.Load(string, PersonalizedModelOptions)"/>).
    /// </param>
    /// <param name="options">
    /// Adapter, image encoder, tokenizer, sampler, type; a saved model refers to the same places. Where no device is set, the context's is taken.
    /// </param>
    /// <returns>The model, which the caller disposes after the transformers that use it.</returns>
    /// <exception cref="ArgumentException">The path is a single file's, and the options do not name what it lacks.</exception>
    /// <exception cref="ModelFileNotFoundException">A folder lacks a file; the message names folder and file.</exception>
    /// <exception cref="InvalidOperationException">The context's GPU is absent and falling back to the CPU is off.</exception>
    public PersonalizedModel LoadPersonalizedModel(string path, PersonalizedModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return PersonalizedModel.Load(path, options.Device is null ? options with { Device = EnvironmentDevice.Of(_context) } : options);
    }

    /// <summary>Loads the small personalised generator that comes with this library onto the context's device.</summary>
    /// <returns>The model, which the caller disposes after the transformers that use it.</returns>
    public PersonalizedModel LoadEmbeddedModel() => PersonalizedModel.LoadEmbedded(EnvironmentDevice.Of(_context));

    /// <summary>Generates an image for each row from a prompt and a reference image.</summary>
    /// <param name="model">The generator; it stays the caller's to dispose, after the transformer.</param>
    /// <param name="outputColumnName">The image column to add.</param>
    /// <param name="prompt">The text column with prompts.</param>
    /// <param name="reference">The image column with references.</param>
    /// <param name="generation">Steps, guidance, adapter scale, negative prompt, seed; null for the defaults.</param>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();   // your own: ml.PatchDpo.LoadPersonalizedModel(folder)
    /// IDataView requests = ml.Data.LoadFromEnumerable([new { Prompt = "a cat, at night", ReferencePath = "photos/cat.png" }]);
    /// var generation = new GenerationOptions { Steps = 16, GuidanceScale = 2, NegativePrompt = "" };
    /// EstimatorChain&lt;PersonalizedImageTransformer&gt; drawing = ml.PatchDpo.LoadImages("Reference", inputColumnName: "ReferencePath")
    ///     .Append(ml.PatchDpo.GeneratePersonalizedImages(model, generation: generation));
    /// foreach (MLImage picture in drawing.Fit(requests).Transform(requests).GetColumn&lt;MLImage&gt;("Generated"))
    ///     picture.Save("cat-at-night.png");
    /// </code></example>
    public PersonalizedImageEstimator GeneratePersonalizedImages(
        PersonalizedModel model, string outputColumnName = "Generated", string prompt = "Prompt", string reference = "Reference",
            GenerationOptions? generation = null)
        => GeneratePersonalizedImages(model, new PersonalizedImageEstimator.Options
        {
            OutputColumnName = ColumnName.Checked(outputColumnName),
            PromptColumnName = ColumnName.Checked(prompt),
            ReferenceColumnNames = [ColumnName.Checked(reference)],
            Generation = generation ?? new GenerationOptions(),
        });

    /// <summary>Generates an image for each row from a prompt and reference images.</summary>
    /// <param name="model">The generator; it stays the caller's to dispose, after the transformer.</param>
    /// <param name="options">Columns and choices.</param>
    public PersonalizedImageEstimator GeneratePersonalizedImages(PersonalizedModel model, PersonalizedImageEstimator.Options options)
        => new(_context, model, options);

    /// <summary>Measures generated images against photos of their subjects and against their prompts: DINO, CLIP-I, CLIP-T and patch quality.</summary>
    /// <param name="data">Generated images with prompt, subject and photos; read once.</param>
    /// <param name="options">Columns and models.</param>
    /// <returns>Means over subjects with 95 % intervals, each subject's means, the counts, the setting and the models.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is absent or of another type.</exception>
    /// <exception cref="ArgumentException">The options name no model, or a row has several photos in the Kosmos-G setting.</exception>
    /// <exception cref="InvalidRowException">
    /// A row lacks its image, all photos or its subject, or its prompt is longer than CLIP takes and the options refuse that.
    /// </exception>
    /// <exception cref="EmptyDataException">The data have no row.</exception>
    /// <example><code language="csharp">
    /// var ml = new MLContext(seed: 1);
    /// IDataView table = ml.Data.LoadFromEnumerable(
    /// [
    ///     new { Subject = "cat", Prompt = "a cat, on a beach", GeneratedPath = "generated/cat.png", ReferencePath = "photos/cat.png" },
    ///     new { Subject = "robot", Prompt = "a robot, on a beach", GeneratedPath = "generated/robot.png", ReferencePath = "photos/robot.png" },
    /// ]);
    /// EstimatorChain&lt;ImageFileLoadingTransformer&gt; loading = ml.PatchDpo.LoadImages("Generated", inputColumnName: "GeneratedPath")
    ///     .Append(ml.PatchDpo.LoadImages("Reference", inputColumnName: "ReferencePath"));
    /// // The figures of papers: EvaluationOptions.DreamBench(dinoFolder, clipFolder).
    /// PersonalizationMetrics metrics = ml.PatchDpo.Evaluate(loading.Fit(table).Transform(table), EvaluationOptions.Embedded);
    /// Console.WriteLine($"DINO {metrics.Dino:F3}  CLIP-I {metrics.ClipI:F3}  CLIP-T {metrics.ClipT:F3}");
    /// </code></example>
    public PersonalizationMetrics Evaluate(IDataView data, EvaluationOptions options)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        return new DataViewEvaluation(_context, options, EnvironmentDevice.Of(_context)).Run(data);
    }

    /// <summary>Measures how well an encoder's patches find their counterparts in bent views of the images of a column: patch-matching accuracy.</summary>
    /// <param name="data">The images, which training should not have seen; read once.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="inputColumnName">The image column.</param>
    /// <param name="viewsPerImage">Views that each image is matched with.</param>
    /// <param name="side">Images and views are squares of this side, in pixels.</param>
    /// <param name="seed">Draws the views (see <see cref="HomographyPair.Synthetic"/>).</param>
    /// <returns>The mean share of right matches, and that of each view.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The column is absent or is not an image column.</exception>
    /// <exception cref="InvalidRowException">A row has no image.</exception>
    /// <exception cref="EmptyDataException">The data have no row.</exception>
    public PatchMatchingMetrics EvaluatePatchMatching(
        IDataView data, ImageEncoder encoder, string inputColumnName = "Image", int viewsPerImage = 1, int side = 512, int seed = 42)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(encoder);
        var input = new ImageInput(ColumnName.Checked(inputColumnName));
        DataViewSchema.Column column = input.Find(data.Schema);
        using DataViewRowCursor cursor = data.GetRowCursor([column]);
        return EvaluatePatchMatching(HomographyPair.Synthetic(Images(), viewsPerImage, side, seed), encoder);

        IEnumerable<ImageBuffer> Images()
        {
            Func<ImageBuffer> read = input.Reader(cursor);
            while (cursor.MoveNext())
                yield return read();
        }
    }

    /// <summary>Measures how well an encoder's patches find their counterparts in other photos of the same plane: patch-matching accuracy.</summary>
    /// <param name="pairs">Photos with known homographies, such as <see cref="HomographyPair.FromHPatches"/> reads.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="views">Views of each pair's first photo whose patches may match in its place; null: itself alone.</param>
    /// <returns>The mean share of right matches, and that of each pair.</returns>
    /// <exception cref="EmptyDataException">There is no pair, or none of which the photos share a patch.</exception>
    public PatchMatchingMetrics EvaluatePatchMatching(IEnumerable<HomographyPair> pairs, ImageEncoder encoder, ReferenceViews? views = null)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        ArgumentNullException.ThrowIfNull(encoder);
        using OpenedEncoder opened = encoder.Open(EnvironmentDevice.Of(_context));
        return PatchMatchingAccuracy.Measure(opened.Encoder, pairs, views: views);
    }
}
