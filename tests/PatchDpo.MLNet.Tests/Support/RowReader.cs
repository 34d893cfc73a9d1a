using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>Reads rows of any view as comparable values: images as their bytes, vectors as arrays.</summary>
internal static class RowReader
{
    public static List<object[]> Read(IDataView view, params string[] columns)
        => Read(view, view.Schema.Where(c => columns.Contains(c.Name) && !c.IsHidden).ToArray());

    public static List<object[]> Read(IDataView view, IReadOnlyList<DataViewSchema.Column> columns)
    {
        using DataViewRowCursor cursor = view.GetRowCursor(columns);
        return Read(cursor, columns);
    }

    public static List<object[]> Read(DataViewRowCursor cursor, IReadOnlyList<DataViewSchema.Column> columns)
    {
        Func<object>[] readers = columns.Select(c => Reader(cursor, c)).ToArray();
        var rows = new List<object[]>();
        while (cursor.MoveNext())
            rows.Add(readers.Select(r => r()).ToArray());
        return rows;
    }

    public static Func<object> Reader(DataViewRow row, DataViewSchema.Column column)
    {
        Type type = column.Type.RawType;
        if (type == typeof(float))
            return Plain<float>(row, column);
        if (type == typeof(int))
            return Plain<int>(row, column);
        if (type == typeof(uint))
            return Plain<uint>(row, column);
        if (type == typeof(ReadOnlyMemory<char>))
            return Convert<ReadOnlyMemory<char>>(row, column, v => v.ToString());
        if (type == typeof(VBuffer<float>))
            return Convert<VBuffer<float>>(row, column, v => v.DenseValues().ToArray());
        if (type == typeof(MLImage))
            return Convert<MLImage>(row, column, v => v is null ? "no image" : v.Pixels.ToArray());
        throw new NotSupportedException($"The test reader knows no columns of type {column.Type}.");
    }

    private static Func<object> Plain<T>(DataViewRow row, DataViewSchema.Column column) where T : notnull => Convert<T>(row, column, v => v);

    private static Func<object> Convert<T>(DataViewRow row, DataViewSchema.Column column, Func<T, object> convert)
    {
        ValueGetter<T> getter = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            getter(ref value);
            return convert(value);
        };
    }
}
