using System.Collections.Immutable;
using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet.Interop;

/// <summary>A vector column of Single with two known dimensions: rows and columns of patches.</summary>
/// <param name="name">The column's name.</param>
internal sealed class QualityMapInput(string name) : RowInput<QualityMap>(name)
{
    protected override string Expected => "known-size vector of Single with two dimensions";

    protected override bool Accepts(DataViewType type)
        => type is VectorDataViewType { IsKnownSize: true, Dimensions.Length: 2 } vector && vector.ItemType == NumberDataViewType.Single;

    protected override bool Accepts(SchemaShape.Column column)
        => column.Kind == SchemaShape.Column.VectorKind.Vector && column.ItemType == NumberDataViewType.Single;

    public override Func<QualityMap> Reader(DataViewRow row)
    {
        DataViewSchema.Column column = Find(row.Schema);
        ImmutableArray<int> dimensions = ((VectorDataViewType)column.Type).Dimensions;
        ValueGetter<VBuffer<float>> getter = row.GetGetter<VBuffer<float>>(column);
        VBuffer<float> values = default;
        return () =>
        {
            getter(ref values);
            try
            {
                return new QualityMap(dimensions[0], dimensions[1], values.DenseValues().ToArray());
            }
            catch (ArgumentException e)
            {
                throw new InvalidRowException(Name, row.Position, e.Message, e);
            }
        };
    }
}
