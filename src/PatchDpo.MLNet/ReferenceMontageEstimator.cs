using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>
/// Puts the images of several columns side by side into one: the reference half of pairs of several objects (see <see cref="ReferenceMontage"/>).
/// </summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// | | |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | One or more columns of [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Output column data type | [MLImage](xref:Microsoft.ML.Data.MLImage) |
/// | Required NuGet in addition to Microsoft.ML | PatchDpo.MLNet |
/// | Exportable to ONNX | No |
/// ]]></format>
/// </remarks>
public sealed class ReferenceMontageEstimator : IEstimator<ReferenceMontageTransformer>
{
    private readonly ReferenceMontageMapping _mapping;

    internal ReferenceMontageEstimator(string outputColumnName, IReadOnlyList<string> inputColumnNames, int size)
        => _mapping = new ReferenceMontageMapping(outputColumnName, inputColumnNames, size);

    /// <summary>Checks the schema; there is nothing to train.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is absent or is not an image column.</exception>
    public ReferenceMontageTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        _mapping.GetOutputSchema(input.Schema);
        return new ReferenceMontageTransformer(_mapping);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => SchemaShapes.Append(inputSchema, _mapping.Inputs, _mapping.Outputs);
}
