using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet;

/// <summary>Scores each patch of generated images against a reference image: PatchDPO's patch quality.</summary>
/// <remarks>
/// <para>Adds the maps p(x_gen) and p(x_ref), one cosine in [-1, 1] a patch, a score of the pair, and on request a picture of
/// the map over the generated image. The maps' size is the encoder's patch grid.</para>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | two columns of [MLImage](xref:Microsoft.ML.Data.MLImage), on request two more for masks, or one for each of several objects |
/// | Output column data type | two known-sized vectors of Single (rows, columns) and a Single, these for each of several objects too, on request an [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Required NuGet in addition to Microsoft.ML | PatchDpo.MLNet and a libtorch package |
/// | Exportable to ONNX | No |
/// ]]></format>
/// <para>Source: PatchDPO (arXiv 2412.03177), the patch quality of its section on quality estimation.</para>
/// </remarks>
public sealed class PatchQualityScoringEstimator : IEstimator<PatchQualityScoringTransformer>
{
    private readonly IHostEnvironment _env;
    private readonly ImageEncoder _encoder;
    private readonly Options _options;

    internal PatchQualityScoringEstimator(IHostEnvironment env, ImageEncoder encoder, Options options)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(options);
        if (options.IgnorePlainBackground && options.ReferenceMaskColumnName is string mask)
            throw new ArgumentException($"{nameof(Options.IgnorePlainBackground)} finds the references' masks itself; it cannot be asked for with masks in "
                + $"the column '{mask}'.", nameof(options));
        CheckObjects(options);
        CheckAlignment(options);
        _env = env;
        _encoder = encoder;
        _options = options;
    }

    /// <summary>Columns and choices of the scoring.</summary>
    public sealed class Options
    {
        /// <summary>The image column with generated images. Default: Generated.</summary>
        public string GeneratedColumnName { get; init => field = ColumnName.Checked(value); } = "Generated";

        /// <summary>The image column with their references. Default: Reference.</summary>
        public string ReferenceColumnName { get; init => field = ColumnName.Checked(value); } = "Reference";

        /// <summary>
        /// The image columns with a reference of each of several objects, in the place of <see cref="ReferenceColumnName"/>
        /// (<see cref="Torch.PatchQuality.PatchQualityEstimator.ScoreObjects"/>). p(x_gen) is then the maximum over the objects, the score that of all,
        /// and in the place of <see cref="ReferenceQualityColumnName"/> each reference column X adds <c>XGeneratedQuality</c>, p(x_gen) against this object
        /// alone, <c>XQuality</c>, its p(x_ref), and <c>XScore</c>. Not together with columns of masks. Null (default): one reference.
        /// </summary>
        public IReadOnlyList<string>? ObjectReferenceColumnNames { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>The vector column to add with p(x_gen). Default: GeneratedQuality.</summary>
        public string GeneratedQualityColumnName { get; init => field = ColumnName.Checked(value); } = "GeneratedQuality";

        /// <summary>The vector column to add with p(x_ref). Default: ReferenceQuality.</summary>
        public string ReferenceQualityColumnName { get; init => field = ColumnName.Checked(value); } = "ReferenceQuality";

        /// <summary>The column to add with the pair's score. Default: PatchQualityScore.</summary>
        public string ScoreColumnName { get; init => field = ColumnName.Checked(value); } = "PatchQualityScore";

        /// <summary>The image column to add with the map drawn over the generated image; null (default): none.</summary>
        public string? HeatMapColumnName { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>Whether only the object of a reference on a plain background counts. Default: false, as in the paper.</summary>
        public bool IgnorePlainBackground { get; init; }

        /// <summary>
        /// The image column with masks of the generated images, light where the object is
        /// (<see cref="Torch.PatchQuality.ForegroundMask.FromImage"/>), of any size; only the object then counts. Null (default): none.
        /// </summary>
        public string? GeneratedMaskColumnName { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>The same for the references; not together with <see cref="IgnorePlainBackground"/>. Null (default): none.</summary>
        public string? ReferenceMaskColumnName { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>
        /// Views of each reference, smaller, tilted or mirrored, that patches may match beside it: for generations that turn or shrink its object. Each is encoded
        /// once a reference. Saved with a model. Null (default): none, as in the paper.
        /// </summary>
        public ReferenceViews? ReferenceViews { get; init; }

        /// <summary>
        /// Has generated objects brought to their references' place and size, by the masks of both: in <see cref="GeneratedMaskColumnName"/>, and in
        /// <see cref="ReferenceMaskColumnName"/> or by <see cref="IgnorePlainBackground"/>. The maps are then how likely a patch is right. For prompts that
        /// move, turn or shrink the object. Not together with <see cref="ReferenceViews"/>. Saved with a model. Null (default): no, as in the paper.
        /// </summary>
        public ObjectAlignment? ObjectAlignment { get; init; }

        /// <summary>
        /// Images encoded at once, and rows scored at once at least, at least 1: where most of their images are known, more rows make a batch. Default: 16.
        /// </summary>
        /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
        public int BatchSize { get; init => field = ArgumentRange.Within(value, 1); } = 16;

        /// <summary>
        /// Images encoded at once where that is to be another number than <see cref="BatchSize"/>, at least 1; null (default): that number. With 1 an image's
        /// features depend on it alone, and so do scores, to the last bit, whatever was scored before. Not saved with a model.
        /// </summary>
        /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
        public int? EncoderBatchSize { get; init => field = value is int size ? ArgumentRange.Within(size, 1) : null; }

        /// <summary>
        /// How much of the images' patch features is kept in memory, so that an image that many rows show is encoded once, and in which folder for later
        /// runs. Not saved with a model: where a machine keeps what is its own affair. Default: 512 MiB, no folder.
        /// </summary>
        /// <exception cref="ArgumentNullException">The value is null.</exception>
        public FeatureCacheOptions FeatureCache
        {
            get;
            init
            {
                ArgumentNullException.ThrowIfNull(value);
                field = value;
            }
        } = new();
    }

    /// <summary>Loads the encoder.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is absent or is not an image column.</exception>
    public PatchQualityScoringTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        foreach (RowInput column in Inputs)
            column.Find(input.Schema);
        return PatchQualityScoringTransformer.Open(_env, _encoder, _options);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        => SchemaShapes.Append(inputSchema, Inputs, OutputsOf(_options));

    private RowInput[] Inputs
        => _options.ObjectReferenceColumnNames is null ? PatchQualityScoringMapping.InputsOf(_options) : ObjectQualityMapping.InputsOf(_options);

    // A shape keeps no dimensions.
    private static RowOutput[] OutputsOf(Options options)
        => options.ObjectReferenceColumnNames is null ? PatchQualityScoringMapping.OutputsOf(options, 1, 1) : ObjectQualityMapping.OutputsOf(options, 1, 1);

    private static void CheckAlignment(Options options)
    {
        if (options.ObjectAlignment is null)
            return;
        if (options.ReferenceViews is not null)
            throw new ArgumentException(
                $"{nameof(Options.ObjectAlignment)} and {nameof(Options.ReferenceViews)} exclude each other; ask for one of the two.", nameof(options));
        if (options.GeneratedMaskColumnName is null || (options.ReferenceMaskColumnName is null && !options.IgnorePlainBackground))
            throw new ArgumentException($"{nameof(Options.ObjectAlignment)} needs the masks of both images: name the columns "
                + $"{nameof(Options.GeneratedMaskColumnName)} and {nameof(Options.ReferenceMaskColumnName)}, or ask for "
                + $"{nameof(Options.IgnorePlainBackground)} in the latter's place.", nameof(options));
    }

    private static void CheckObjects(Options options)
    {
        if (options.ObjectReferenceColumnNames is null)
            return;
        if ((options.GeneratedMaskColumnName ?? options.ReferenceMaskColumnName) is string mask)
            throw new ArgumentException($"{nameof(Options.ObjectReferenceColumnNames)} names several objects, which cannot be asked for with masks in the "
                + $"column '{mask}'.", nameof(options));
        if (OutputsOf(options).CountBy(o => o.Name).FirstOrDefault(o => o.Value > 1) is { Value: > 1 } twice)
            throw new ArgumentException($"The column '{twice.Key}' would be added twice; name the columns of {nameof(Options.ObjectReferenceColumnNames)} "
                + "otherwise.", nameof(options));
    }
}
