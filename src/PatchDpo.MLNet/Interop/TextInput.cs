using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Interop;

/// <summary>A text column.</summary>
/// <param name="name">The column's name.</param>
/// <param name="maxLength">The most characters that a value may have.</param>
/// <param name="allowEmpty">Whether a value may be missing, empty or white space; it is a prompt where not.</param>
internal class TextInput(string name, int maxLength, bool allowEmpty) : RowInput<string>(name)
{
    protected override string Expected => "String";

    protected override bool Accepts(DataViewType type) => type is TextDataViewType;

    protected override bool Accepts(SchemaShape.Column column)
        => column.Kind == SchemaShape.Column.VectorKind.Scalar && column.ItemType is TextDataViewType;

    public override Func<string> Reader(DataViewRow row)
    {
        ValueGetter<ReadOnlyMemory<char>> getter = row.GetGetter<ReadOnlyMemory<char>>(Find(row.Schema));
        ReadOnlyMemory<char> text = default;
        return () =>
        {
            getter(ref text);
            if (!allowEmpty && text.Span.IsWhiteSpace())
                throw new InvalidRowException(Name, row.Position, "the prompt is empty.");
            return text.Length <= maxLength
                ? text.ToString()
                : throw new InvalidRowException(Name, row.Position, $"the text has {text.Length} characters; at most {maxLength} are allowed.");
        };
    }
}
