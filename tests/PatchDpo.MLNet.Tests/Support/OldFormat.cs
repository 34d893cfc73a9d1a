using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>A transformer that is saved as an earlier version of its format did, and else is what it wraps.</summary>
/// <param name="current">The transformer of today.</param>
/// <param name="save">Writes it as it was written then.</param>
internal sealed class OldFormat(ITransformer current, Action<ModelSaveContext> save) : ITransformer
{
    public bool IsRowToRowMapper => current.IsRowToRowMapper;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => current.GetOutputSchema(inputSchema);

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => current.GetRowToRowMapper(inputSchema);

    public IDataView Transform(IDataView input) => current.Transform(input);

    void ICanSaveModel.Save(ModelSaveContext context) => save(context);
}
