using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>A column of Int32 or Int64.</summary>
/// <param name="name">The column's name.</param>
internal sealed class IntegerInput(string name) : RowInput<long>(name)
{
    protected override string Expected => "Int32 or Int64";

    protected override bool Accepts(DataViewType type) => type == NumberDataViewType.Int32 || type == NumberDataViewType.Int64;

    protected override bool Accepts(SchemaShape.Column column)
        => column.Kind == SchemaShape.Column.VectorKind.Scalar && !column.IsKey && Accepts(column.ItemType);

    public override Func<long> Reader(DataViewRow row)
    {
        DataViewSchema.Column column = Find(row.Schema);
        if (column.Type == NumberDataViewType.Int64)
        {
            ValueGetter<long> wide = row.GetGetter<long>(column);
            return () =>
            {
                long value = 0;
                wide(ref value);
                return value;
            };
        }
        ValueGetter<int> getter = row.GetGetter<int>(column);
        return () =>
        {
            int value = 0;
            getter(ref value);
            return value;
        };
    }
}
