using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace PatchDpo.MLNet.Interop;

/// <summary>Columns of a <see cref="SchemaShape"/>, whose constructors ML.NET keeps to itself.</summary>
/// <remarks>A custom mapping's output schema yields the same column through public API.</remarks>
internal static class SchemaShapes
{
    private static readonly Lazy<MLContext> s_context = new(() => new MLContext(0));

    /// <summary>The shape of a column of the given type.</summary>
    /// <exception cref="NotSupportedException">The type is none that our components put out.</exception>
    public static SchemaShape.Column Column(string name, DataViewType type) => type switch
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
        return s_context.Value.Transforms
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
