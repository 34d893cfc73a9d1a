using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Interop;

/// <summary>A vector column of four Single: left, top, right and bottom of a box in fractions of a picture; four zeros are no box.</summary>
/// <param name="name">The column's name.</param>
internal sealed class BoxInput(string name) : RowInput<LayoutBox?>(name)
{
    private const int Edges = 4;

    protected override string Expected => "vector of Single with four values";

    protected override bool Accepts(DataViewType type)
        => type is VectorDataViewType { IsKnownSize: true, Size: Edges } vector && vector.ItemType == NumberDataViewType.Single;

    protected override bool Accepts(SchemaShape.Column column)
        => column.Kind == SchemaShape.Column.VectorKind.Vector && column.ItemType == NumberDataViewType.Single;

    public override Func<LayoutBox?> Reader(DataViewRow row)
    {
        ValueGetter<VBuffer<float>> getter = row.GetGetter<VBuffer<float>>(Find(row.Schema));
        VBuffer<float> values = default;
        return () =>
        {
            getter(ref values);
            float[] edges = values.DenseValues().ToArray();
            if (edges.All(e => e == 0))
                return null;
            try
            {
                return new LayoutBox(edges[0], edges[1], edges[2], edges[3]);
            }
            catch (ArgumentOutOfRangeException e)
            {
                throw new InvalidRowException(Name, row.Position, e.Message, e);
            }
        };
    }
}
