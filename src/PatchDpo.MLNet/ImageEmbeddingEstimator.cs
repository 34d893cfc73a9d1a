using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>Embeds images with an image encoder: one vector an image.</summary>
/// <remarks>
/// <para>The vector is DINO's class token or CLIP's projected image embedding, not normalised (add
/// <c>mlContext.Transforms.NormalizeLpNorm</c> where cosines are wanted). The image is resized and cropped as the encoder's
/// reference does it.</para>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Output column data type | Known-sized vector of [Single](xref:System.Single) |
/// | Required NuGet in addition to Microsoft.ML | PatchDpo.MLNet and a libtorch package |
/// | Exportable to ONNX | No |
/// ]]></format>
/// </remarks>
public sealed class ImageEmbeddingEstimator : IEstimator<ImageEmbeddingTransformer>
{
    private readonly IHostEnvironment _env;
    private readonly ImageEncoder _encoder;
    private readonly EmbeddingColumns _columns;

    internal ImageEmbeddingEstimator(IHostEnvironment env, ImageEncoder encoder, EmbeddingColumns columns)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        _env = env;
        _encoder = encoder;
        _columns = columns;
    }

    /// <summary>Loads the encoder.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is absent or is not an image column.</exception>
    public ImageEmbeddingTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        new ImageInput(_columns.Input).Find(input.Schema);
        return ImageEmbeddingTransformer.Open(_env, _encoder, _columns);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        => SchemaShapes.Append(inputSchema, [new ImageInput(_columns.Input)], [_columns.Vector(1)]);
}
