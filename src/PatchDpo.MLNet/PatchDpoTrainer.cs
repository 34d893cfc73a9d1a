using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;

namespace PatchDpo.MLNet;

/// <summary>Fine-tunes the image adapter of a personalised generator on scored pairs with PatchDPO.</summary>
/// <remarks>
/// <para>Good patches of a generated image are kept; where a patch is bad, the reference itself teaches. Only the adapter's
/// keys and values are trained, and where the options say so its image projection, on a copy: the model that was handed in does not change.</para>
/// <para>All rows are read once, and encoded before the first step; what is encoded stays in memory, or in a store on the disk
/// (<see cref="PatchDpoTrainerOptions.Store"/>), and then memory does not grow with the number of rows.
/// Progress comes from <see cref="Options.ProgressCallback"/> and through <see cref="MLContext.Log"/>.</para>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | Yes |
/// | Input column data type | Text, two or more columns of [MLImage](xref:Microsoft.ML.Data.MLImage), two known-sized vectors of Single with two dimensions |
/// | Output column data type | [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Is normalization required? | No |
/// | Is caching required? | No |
/// | Required NuGet in addition to Microsoft.ML | PatchDpo.MLNet and a libtorch package |
/// | Exportable to ONNX | No |
/// ]]></format>
/// <para>Source: PatchDPO (arXiv 2412.03177) and its official training script.</para>
/// </remarks>
public sealed class PatchDpoTrainer : IEstimator<PersonalizedImageTransformer>
{
    private readonly IHost _host;
    private readonly PersonalizedModel _model;
    private readonly Options _options;

    internal PatchDpoTrainer(IHostEnvironment env, PersonalizedModel model, Options options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        _host = env.Register(nameof(PatchDpoTrainer));
        _model = model;
        _options = options;
    }

    /// <summary>Trains the adapter.</summary>
    /// <param name="input">Prompts, references, generated images and both quality maps (see <see cref="PatchQualityScoringEstimator"/>).</param>
    /// <returns>
    /// A transformer that generates with the tuned adapter. It shares the base with the model that was handed in; each may be disposed first.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is absent or of another type.</exception>
    /// <exception cref="EmptyDataException">The data have no row.</exception>
    /// <exception cref="InvalidRowException">
    /// A row's image is missing, its map not finite or its prompt too long, in characters or, where <see cref="Options.Generation"/> or
    /// <see cref="Options.Training"/> refuses that, in tokens.
    /// </exception>
    /// <exception cref="NonFiniteLossException">The training diverged.</exception>
    /// <exception cref="TrainingStateMismatchException">
    /// The folder of the training's state (<see cref="PatchDpoTrainerOptions.State"/>) is of other options, rows or weights.
    /// </exception>
    /// <exception cref="TrainingStateException">The state's last checkpoint is damaged, or beyond the steps that are asked for.</exception>
    /// <exception cref="OperationCanceledException"><see cref="Options.CancellationToken"/> was cancelled.</exception>
    public PersonalizedImageTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var columns = new TrainingPairColumns(_options);
        using IChannel channel = _host.Start("Training");
        long seed = _options.Seed ?? BegunSeed() ?? _host.Rand.Next();
        PatchDpoTrainerOptions training = _options.ForTorch(seed, new TrainingLog(channel, _options.ProgressCallback, _options.Training.Progress));
        var trainer = new Torch.Training.PatchDpoTrainer(_model, training);
        using PreparedPairs pairs = Prepare(trainer, columns.Read(input));
        new TruncationLog(_host, nameof(PatchDpoTrainer)).TellAll(_options.PromptColumnName, pairs.TruncatedPrompts);
        channel.Info(MessageSensitivity.None, $"{training.Objective}: {training.MaxSteps} steps of {Math.Min(training.BatchSize, pairs.Count)} pairs, "
            + $"{pairs.Count} pairs in all, learning rate {training.LearningRate}, seed {seed}");
        AdapterLayers tuned = trainer.Train(pairs, _options.CancellationToken);
        if (training.Probe?.GivesBest == true)
            channel.Info(MessageSensitivity.None, $"the adapter is that of step {tuned.TrainedSteps}, which had the best probe");
        return new PersonalizedImageTransformer(_host, _model.WithAdapterLayers(tuned), ownsModel: true, _options.ForGeneration(_model));
    }

    // A training that was begun with a seed of the context's goes on with it.
    private long? BegunSeed()
        => _options.Training.State is { } state && TrainingCheckpoints.LastRecord(state.Folder)?.Settings.GetValueOrDefault(TrainingHeaders.Seed) is string seed
            ? long.Parse(seed, CultureInfo.InvariantCulture) : null;

    private PreparedPairs Prepare(Torch.Training.PatchDpoTrainer trainer, IEnumerable<TrainingPair> rows)
    {
        try
        {
            return trainer.Prepare(rows, _options.CancellationToken);
        }
        catch (TruncatedPromptException e)
        {
            throw new InvalidRowException(_options.PromptColumnName, e.Prompt.Index!.Value, e.Prompt.Reason);
        }
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        => SchemaShapes.Append(
            inputSchema, new TrainingPairColumns(_options).Inputs, [PersonalizedImageMapping.OutputOf(_options.ForGeneration(_model), _model)]);

    /// <summary>Columns and choices of the training. Defaults are the official script's unless a property says otherwise.</summary>
    public sealed class Options
    {
        /// <summary>The text column with prompts. Default: Prompt.</summary>
        public string PromptColumnName { get; init => field = ColumnName.Checked(value); } = "Prompt";

        /// <summary>The image column with references. Default: Reference.</summary>
        public string ReferenceColumnName { get; init => field = ColumnName.Checked(value); } = "Reference";

        /// <summary>
        /// For pairs of several objects, the image columns with an image of each: they are the image prompt, while the reference is what is
        /// trained on, such as <see cref="PatchDpoCatalog.ComposeReferences(string, string[])"/> makes it. The fitted transformer
        /// reads these columns in place of the reference's, each as another object (<see cref="PersonalizedModel.ObjectFusion"/>).
        /// Null (default): the reference is the image prompt.
        /// </summary>
        public IReadOnlyList<string>? ImagePromptColumnNames { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>
        /// For ELITE, the image columns with the masks of the reference, or of each of the <see cref="ImagePromptColumnNames"/>; the fitted transformer
        /// reads them too. Null (default), and a row without a mask: the object is what stands on a plain background.
        /// </summary>
        public IReadOnlyList<string>? MaskColumnNames { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>
        /// For MIP-Adapter, MS-Diffusion and ELITE, the text columns with the names that prompts have for the objects, one for each column of
        /// references; an empty text is no name. Null (default): they have none.
        /// </summary>
        public IReadOnlyList<string>? NameColumnNames { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>
        /// For MS-Diffusion, the columns with boxes, one for each column of references: vectors of four Single, left, top, right and bottom in fractions
        /// of the picture; four zeros are no box. Null (default): no reference has one.
        /// </summary>
        public IReadOnlyList<string>? BoxColumnNames { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>The image column with generated images; and the one that the fitted transformer adds. Default: Generated.</summary>
        public string GeneratedColumnName { get; init => field = ColumnName.Checked(value); } = "Generated";

        /// <summary>The vector column with p(x_ref). Default: ReferenceQuality.</summary>
        public string ReferenceQualityColumnName { get; init => field = ColumnName.Checked(value); } = "ReferenceQuality";

        /// <summary>The vector column with p(x_gen). Default: GeneratedQuality.</summary>
        public string GeneratedQualityColumnName { get; init => field = ColumnName.Checked(value); } = "GeneratedQuality";

        /// <summary>
        /// Steps, rates and what is minimised. Its seed does not count: see <see cref="Seed"/>; nor does its
        /// <see cref="PatchDpoTrainerOptions.MaxPromptCharacters"/>: that of <see cref="Generation"/> holds for both. A prompt that is cut is refused
        /// where either says so.
        /// </summary>
        public PatchDpoTrainerOptions Training { get; init => field = value ?? throw new ArgumentNullException(nameof(Training)); } = new();

        /// <summary>
        /// Seed of order, noise, timesteps and dropping; null (default) draws one from the context, whose own seed then decides, and goes on with that of
        /// the state where there is one. What it promises: <see cref="PatchDpoTrainerOptions.Seed"/>.
        /// </summary>
        public long? Seed { get; init; }

        /// <summary>How the fitted transformer generates; with <see cref="ImagePromptColumnNames"/>, each is another object whatever stands here.</summary>
        public GenerationOptions Generation { get; init => field = value ?? throw new ArgumentNullException(nameof(Generation)); } = new();

        /// <summary>Called after each step; null (default): none.</summary>
        public Action<TrainingProgress>? ProgressCallback { get; init; }

        /// <summary>
        /// Stops the training within a step. Nothing is kept of it unless <see cref="Training"/> names a folder for its state, with which
        /// <see cref="Fit"/> goes on.
        /// </summary>
        public CancellationToken CancellationToken { get; init; }

        internal bool RefuseTruncatedPrompts => Generation.RefuseTruncatedPrompts || Training.RefuseTruncatedPrompts;

        internal PatchDpoTrainerOptions ForTorch(long seed, IProgress<TrainingProgress> progress) => Training with
        {
            Seed = seed,
            MaxPromptCharacters = Generation.MaxPromptCharacters,
            RefuseTruncatedPrompts = RefuseTruncatedPrompts,
            Progress = progress,
        };

        internal PersonalizedImageEstimator.Options ForGeneration(PersonalizedModel model) => new()
        {
            PromptColumnName = PromptColumnName,
            ReferenceColumnNames = ImagePromptColumnNames ?? [ReferenceColumnName],
            MaskColumnNames = MaskColumnNames,
            NameColumnNames = NameColumnNames,
            BoxColumnNames = BoxColumnNames,
            OutputColumnName = GeneratedColumnName,
            Generation = ImagePromptColumnNames is null ? Generation : Generation with { ReferenceFusion = model.ObjectFusion },
        };
    }
}
