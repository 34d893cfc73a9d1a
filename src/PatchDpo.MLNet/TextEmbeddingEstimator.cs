using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>Embeds texts with CLIP's text encoder: one vector a text.</summary>
/// <remarks>
/// <para>The vector is the projected text embedding (or, of an encoder without projection, its pooled state), not normalised;
/// what exceeds the encoder's length (77 tokens) is cut, with a warning of <see cref="MLContext.Log"/>.</para>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | [Text](xref:Microsoft.ML.Data.TextDataViewType) |
/// | Output column data type | Known-sized vector of [Single](xref:System.Single) |
/// | Required NuGet in addition to Microsoft.ML | PatchDpo.MLNet and a libtorch package |
/// | Exportable to ONNX | No |
/// ]]></format>
/// </remarks>
public sealed class TextEmbeddingEstimator : IEstimator<TextEmbeddingTransformer>
{
    private readonly IHostEnvironment _env;
    private readonly TextEncoder _encoder;
    private readonly EmbeddingColumns _columns;
    private readonly bool _refuseTruncated;

    internal TextEmbeddingEstimator(IHostEnvironment env, TextEncoder encoder, EmbeddingColumns columns, bool refuseTruncated)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        _env = env;
        _encoder = encoder;
        _columns = columns;
        _refuseTruncated = refuseTruncated;
    }

    /// <summary>Loads the encoder.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is absent or is no text column.</exception>
    public TextEmbeddingTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        TextEmbeddingTransformer.InputOf(_columns).Find(input.Schema);
        return TextEmbeddingTransformer.Open(_env, _encoder, _columns, _refuseTruncated);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        => SchemaShapes.Append(inputSchema, [TextEmbeddingTransformer.InputOf(_columns)], [_columns.Vector(1)]);
}
