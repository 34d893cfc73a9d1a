using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet;

/// <summary>Generates an image for each row from a prompt and reference images of an object.</summary>
/// <remarks>
/// <para>A row's image depends on the row alone, but for rounding: rows are drawn <see cref="GenerationOptions.BatchSize"/> at a time, and with how many a row
/// stands together changes the last bits of sums. In float32 that is invisible; in float16 and bfloat16 details may differ. All rows start from the
/// same noise, as with the official script, unless
/// <see cref="Options.NoiseIndexColumnName"/> names a column that tells them apart.</para>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | [Text](xref:Microsoft.ML.Data.TextDataViewType) and one or more columns of [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Output column data type | [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Required NuGet in addition to Microsoft.ML | PatchDpo.MLNet and a libtorch package |
/// | Exportable to ONNX | No |
/// ]]></format>
/// </remarks>
public sealed class PersonalizedImageEstimator : IEstimator<PersonalizedImageTransformer>
{
    private readonly IHostEnvironment _env;
    private readonly PersonalizedModel _model;
    private readonly Options _options;

    internal PersonalizedImageEstimator(IHostEnvironment env, PersonalizedModel model, Options options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        _env = env;
        _model = model;
        _options = options;
    }

    /// <summary>Columns and choices of the generation.</summary>
    public sealed class Options
    {
        /// <summary>The text column with prompts. Default: Prompt.</summary>
        public string PromptColumnName { get; init => field = ColumnName.Checked(value); } = "Prompt";

        /// <summary>
        /// The image columns with references, at least one. Several show one object, unless <see cref="Generation"/> concatenates them
        /// (<see cref="GenerationOptions.ReferenceFusion"/>). Default: Reference.
        /// </summary>
        public IReadOnlyList<string> ReferenceColumnNames { get; init => field = ColumnName.Checked(value); } = ["Reference"];

        /// <summary>
        /// For ELITE, the image columns with the references' masks, one for each reference's column: a picture of the same size, black but for the
        /// object. Null (default), and a row without a mask: the object is what stands on the reference's plain background.
        /// </summary>
        public IReadOnlyList<string>? MaskColumnNames { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>
        /// For MIP-Adapter, MS-Diffusion and ELITE, the text columns with the names that prompts have for the references' objects, one for each column of
        /// references; an empty text is no name. Null (default): they have none.
        /// </summary>
        public IReadOnlyList<string>? NameColumnNames { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>
        /// For MS-Diffusion, the columns with boxes, one for each column of references: vectors of four Single, left, top, right and bottom in fractions
        /// of the picture; four zeros are no box. Null (default): no reference has one.
        /// </summary>
        public IReadOnlyList<string>? BoxColumnNames { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>The image column to add. Default: Generated.</summary>
        public string OutputColumnName { get; init => field = ColumnName.Checked(value); } = "Generated";

        /// <summary>An Int32 or Int64 column that tells which starting noise a row gets under the seed; null (default): all rows get the same.</summary>
        public string? NoiseIndexColumnName { get; init => field = value is null ? null : ColumnName.Checked(value); }

        /// <summary>Steps, guidance, adapter scale, fusion of references, negative prompt, seed, batch size.</summary>
        public GenerationOptions Generation { get; init => field = value ?? throw new ArgumentNullException(nameof(Generation)); } = new();
    }

    /// <summary>Checks the schema; there is nothing to train.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is absent or of another type.</exception>
    /// <exception cref="InvalidOperationException">There are not as many columns of masks, names or boxes as of references.</exception>
    public PersonalizedImageTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        foreach (RowInput column in PersonalizedImageMapping.InputsOf(_options))
            column.Find(input.Schema);
        return new PersonalizedImageTransformer(_env, _model, ownsModel: false, _options);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        => SchemaShapes.Append(inputSchema, PersonalizedImageMapping.InputsOf(_options), [PersonalizedImageMapping.OutputOf(_options, _model)]);
}
