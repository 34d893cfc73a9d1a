using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet.Tests.PatchQuality;

/// <summary>Saves a scoring transformer as version 1.1 of the format did.</summary>
internal sealed class FirstVersionScoring(PatchQualityScoringTransformer current, ImageEncoder encoder) : ITransformer
{
    public bool IsRowToRowMapper => current.IsRowToRowMapper;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => current.GetOutputSchema(inputSchema);

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => current.GetRowToRowMapper(inputSchema);

    public IDataView Transform(IDataView input) => current.Transform(input);

    void ICanSaveModel.Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, new ModelSignature("PTCHQUAL", "PatchDpoPatchQuality", 0x00010001));
        encoder.Write(writer);
        foreach (string column in new[] { "Generated", "Reference", "GeneratedQuality", "ReferenceQuality", "PatchQualityScore", "" })
            writer.Write(column);
        writer.Write(false);
        writer.Write(16);
    }
}
