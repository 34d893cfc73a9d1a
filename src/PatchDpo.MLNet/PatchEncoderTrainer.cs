using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Trains an image encoder's patch features on images without labels, so that patches which show the same thing get similar features.</summary>
/// <remarks>
/// <para>PatchDPO compares images by their patches, and encoders that were trained to classify give good features of whole images
/// and poorer ones of patches. Each step draws two views of some images with known geometry; features of corresponding points are
/// pulled together, others pushed apart. The encoder that was named does not change: a copy is trained.</para>
/// <para>All images are read into memory. Progress comes from <see cref="Options.ProgressCallback"/> and through <see cref="MLContext.Log"/>.</para>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | Yes |
/// | Input column data type | [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Output column data type | Known-sized vector of [Single](xref:System.Single) with three dimensions (rows, columns, features) |
/// | Is normalization required? | No |
/// | Is caching required? | No |
/// | Required NuGet in addition to Microsoft.ML | PatchDpo.MLNet and a libtorch package |
/// | Exportable to ONNX | No |
/// ]]></format>
/// <para>The paper (arXiv 2412.03177) trains its patch features so, too, and does not say how: the objective is ours (see
/// <see cref="Torch.PatchEncoders.PatchEncoderTrainer"/>).</para>
/// </remarks>
public sealed class PatchEncoderTrainer : IEstimator<PatchEncoderTransformer>
{
    private readonly IHost _host;
    private readonly ImageEncoder _encoder;
    private readonly Options _options;

    internal PatchEncoderTrainer(IHostEnvironment env, ImageEncoder encoder, Options options)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(options);
        _host = env.Register(nameof(PatchEncoderTrainer));
        _encoder = encoder;
        _options = options;
    }

    /// <summary>Trains a copy of the encoder.</summary>
    /// <param name="input">The images.</param>
    /// <returns>A transformer that gives patch features, with the trained encoder as <see cref="PatchEncoderTransformer.Encoder"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The column is absent or is not an image column.</exception>
    /// <exception cref="ArgumentException">The encoder cannot be trained or copied, there is nothing to train, or it does not take the views' size.</exception>
    /// <exception cref="EmptyDataException">The data have no row.</exception>
    /// <exception cref="InvalidRowException">A row has no image.</exception>
    /// <exception cref="Torch.Loop.NonFiniteLossException">The training diverged.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Options.CancellationToken"/> was cancelled.</exception>
    public PatchEncoderTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using IChannel channel = _host.Start("Training");
        List<ImageBuffer> images = Read(input);
        if (images.Count == 0)
            throw new EmptyDataException("There is no image to train the patch encoder on: the training data have no row.");
        Device device = EnvironmentDevice.Of(_host);
        OpenedEncoder opened = _encoder.Open(device);
        if (!opened.Owned)
            throw new ArgumentException("An encoder of your own would be changed by training: put it into a folder, or train it with PatchDpo.Torch.");
        using IVisionEncoder encoder = WithHead(opened.Encoder);
        if (encoder is not ITrainableVisionEncoder trainable)
            throw new ArgumentException($"{encoder.GetType().Name} gives no patch features with gradients.");
        PatchEncoderTrainerOptions training = _options.Training with { Seed = _options.Seed ?? _host.Rand.Next() };
        channel.Info(MessageSensitivity.None, $"Patch features: {training.MaxSteps} steps of {Math.Min(training.BatchSize, images.Count)} images, "
            + $"{images.Count} images in all, learning rate {training.LearningRate}, seed {training.Seed}");
        var log = new PatchEncoderTrainingLog(channel, _options.ProgressCallback);
        new Torch.PatchEncoders.PatchEncoderTrainer(training).Train(trainable, images, log.Report, _options.CancellationToken);
        return PatchEncoderTransformer.Open(_host, ImageEncoder.FromTrained(encoder, _encoder.Options), _options.Columns);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        => SchemaShapes.Append(inputSchema, [new ImageInput(_options.InputColumnName)], [PatchEncoderTransformer.Output(_options.OutputColumnName, 1, 1, 1)]);

    private IVisionEncoder WithHead(IVisionEncoder encoder)
        => _options.HeadDimension is int dimension && encoder is ITrainableVisionEncoder below and not PatchHeadEncoder
            ? new PatchHeadEncoder(below, dimension) : encoder;

    private List<ImageBuffer> Read(IDataView input)
    {
        var column = new ImageInput(_options.InputColumnName);
        using DataViewRowCursor cursor = input.GetRowCursor([column.Find(input.Schema)]);
        Func<ImageBuffer> image = column.Reader(cursor);
        var images = new List<ImageBuffer>();
        while (cursor.MoveNext())
        {
            _options.CancellationToken.ThrowIfCancellationRequested();
            images.Add(image());
        }
        return images;
    }

    /// <summary>Columns and choices of the training.</summary>
    public sealed class Options
    {
        /// <summary>The image column. Default: Image.</summary>
        public string InputColumnName { get; init => field = ColumnName.Checked(value); } = "Image";

        /// <summary>The vector column that the fitted transformer adds. Default: PatchFeatures.</summary>
        public string OutputColumnName { get; init => field = ColumnName.Checked(value); } = "PatchFeatures";

        /// <summary>
        /// The length of the patch features behind a linear head that is trained too; null (default): no head. An encoder that has a head keeps it.
        /// </summary>
        /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
        public int? HeadDimension { get; init => field = value is null or >= 1 ? value
            : throw new ArgumentOutOfRangeException(nameof(HeadDimension), value, "Must be at least 1."); }

        /// <summary>Steps, views and which blocks are trained. Its seed does not count: see <see cref="Seed"/>.</summary>
        public PatchEncoderTrainerOptions Training { get; init => field = value ?? throw new ArgumentNullException(nameof(Training)); } = new();

        /// <summary>Rows that the fitted transformer encodes at once, at least 1. Default: 16.</summary>
        public int BatchSize { get; init => field = value >= 1 ? value
            : throw new ArgumentOutOfRangeException(nameof(BatchSize), value, "Must be at least 1."); } = 16;

        /// <summary>Seed of every random choice; null (default) draws one from the context, whose own seed then decides.</summary>
        public int? Seed { get; init; }

        /// <summary>Called after each step; null (default): none.</summary>
        public Action<PatchEncoderProgress>? ProgressCallback { get; init; }

        /// <summary>Stops the training; nothing is kept of it.</summary>
        public CancellationToken CancellationToken { get; init; }

        internal EmbeddingColumns Columns => new(OutputColumnName, InputColumnName, BatchSize);
    }
}
