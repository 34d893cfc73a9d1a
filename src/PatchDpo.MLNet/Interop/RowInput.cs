using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>A column that a component reads.</summary>
/// <param name="name">The column's name.</param>
internal abstract class RowInput(string name)
{
    public string Name { get; } = name;

    /// <summary>The type, as an error message names it.</summary>
    protected abstract string Expected { get; }

    protected abstract bool Accepts(DataViewType type);

    protected abstract bool Accepts(SchemaShape.Column column);

    /// <summary>Finds the column in a schema.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is absent or of another type.</exception>
    public DataViewSchema.Column Find(DataViewSchema inputSchema)
    {
        DataViewSchema.Column column = inputSchema.GetColumnOrNull(Name) ?? throw Missing();
        return Accepts(column.Type) ? column : throw Mismatch(column.Type.ToString()!);
    }

    /// <summary>Checks that a shape has the column.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is absent or of another type.</exception>
    public void Check(SchemaShape inputSchema)
    {
        SchemaShape.Column column = inputSchema.FirstOrDefault(c => c.Name == Name);
        if (column.Name is null)
            throw Missing();
        if (!Accepts(column))
            throw Mismatch($"{column.Kind} of {column.ItemType}");
    }

    private ArgumentOutOfRangeException Missing() => new("inputSchema", $"Could not find input column '{Name}'");

    private ArgumentOutOfRangeException Mismatch(string got)
        => new("inputSchema", $"Schema mismatch for input column '{Name}': expected {Expected}, got {got}");
}
