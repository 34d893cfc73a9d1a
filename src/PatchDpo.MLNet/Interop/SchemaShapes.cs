using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace PatchDpo.MLNet.Interop;

/// <summary>Columns of a <see cref="SchemaShape"/>, whose constructors ML.NET keeps to itself.</summary>
/// <remarks>A custom mapping's output schema yields the same column through public API.</remarks>
internal static class SchemaShapes
{
    private static readonly Lazy<MLContext> Context = new(() => new MLContext(0));

    /// <summary>The columns in, checked, and after them the columns out: an estimator's promise.</summary>
    /// <param name="inputSchema">The columns that there are.</param>
    /// <param name="inputs">The columns that the component reads.</param>
    /// <param name="outputs">The columns that it adds; a shape keeps no dimensions, so they need not be known.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is absent or of another type.</exception>
    public static SchemaShape Append(SchemaShape inputSchema, IEnumerable<RowInput> inputs, IEnumerable<RowOutput> outputs)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        foreach (RowInput input in inputs)
            input.Check(inputSchema);
        Dictionary<string, SchemaShape.Column> columns = inputSchema.ToDictionary(c => c.Name);
        foreach (RowOutput output in outputs)
            columns[output.Name] = Column(output.Name, output.Type);
        return new SchemaShape(columns.Values);
    }

    private static SchemaShape.Column Column(string name, DataViewType type) => type switch
    {
        ImageDataViewType => Create<ImageCarrier>(name, type),
        VectorDataViewType v when v.ItemType == NumberDataViewType.Single => Create<Carrier<VBuffer<float>>>(name, type),
        NumberDataViewType n when n == NumberDataViewType.Single => Create<Carrier<float>>(name, type),
        _ => throw new NotSupportedException($"No schema shape for a column of type {type}."),
    };

    private static SchemaShape.Column Create<TCarrier>(string name, DataViewType type) where TCarrier : class, new()
    {
        SchemaDefinition definition = SchemaDefinition.Create(typeof(TCarrier), SchemaDefinition.Direction.Write);
        SchemaDefinition.Column column = definition[nameof(ImageCarrier.Value)];
        column.ColumnName = name;
        column.ColumnType = type;
        return Context.Value.Transforms
            .CustomMapping<NoColumns, TCarrier>((_, _) => { }, contractName: null, outputSchemaDefinition: definition)
            .GetOutputSchema(new SchemaShape([]))
            .Single();
    }

    private sealed class NoColumns;

    private sealed class Carrier<T>
    {
        public T Value = default!;
    }

    private sealed class ImageCarrier
    {
        [ImageType(1, 1)]
        public MLImage Value = null!;
    }
}
