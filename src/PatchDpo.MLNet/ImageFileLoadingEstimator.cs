using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>Loads the image files that a text column names, with limits, and with errors that name file and row.</summary>
/// <remarks>
/// <para>ML.NET's own <c>LoadImages</c> decodes images of any size, lets files that are cut off pass, does not name the file that is no
/// image, reads no TIFF, TGA or PPM, leaves photos lying on their side, and makes transparent pixels black, because its images are
/// premultiplied. To this library's components, images that this estimator loads are what Pillow loads: upright, with the colours of
/// transparent pixels kept (<see cref="ImageFile"/>). A component of ML.NET between them (<c>ResizeImages</c>, ...) makes new,
/// premultiplied images.</para>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | [Text](xref:Microsoft.ML.Data.TextDataViewType) |
/// | Output column data type | [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Required NuGet in addition to Microsoft.ML | PatchDpo.MLNet |
/// | Exportable to ONNX | No |
/// ]]></format>
/// </remarks>
public sealed class ImageFileLoadingEstimator : IEstimator<ImageFileLoadingTransformer>
{
    private readonly ImageFileLoadingMapping _mapping;

    internal ImageFileLoadingEstimator(string outputColumnName, string? imageFolder, string? inputColumnName, ImageDecodeOptions? options, bool allowMissing)
    {
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        _mapping = new ImageFileLoadingMapping(
            outputColumnName, imageFolder ?? "", inputColumnName ?? outputColumnName, options ?? new ImageDecodeOptions(), allowMissing);
    }

    /// <inheritdoc/>
    public ImageFileLoadingTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        _mapping.GetOutputSchema(input.Schema);
        return new ImageFileLoadingTransformer(_mapping);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => SchemaShapes.Append(inputSchema, _mapping.Inputs, _mapping.Outputs);
}
