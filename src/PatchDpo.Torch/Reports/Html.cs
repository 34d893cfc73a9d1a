using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace PatchDpo.Torch.Reports;

/// <summary>HTML from interpolated strings: what stands in a hole is text and is escaped, unless it is <see cref="Html"/> itself.</summary>
[InterpolatedStringHandler]
internal sealed class Html
{
    /// <summary>What stands for a number that there is not.</summary>
    public const string NoNumber = "–";

    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly StringBuilder _text;

    // The compiler calls it.
    public Html(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + (16 * formattedCount));

    private Html(string markup) => _text = new StringBuilder(markup);

    /// <summary>Nothing.</summary>
    public static Html Empty => new("");

    /// <summary>Markup as it is: of this assembly's own files, or of an alphabet without markup such as base64.</summary>
    public static Html Raw(string markup) => new(markup);

    /// <summary>Parts one after the other.</summary>
    public static Html Join(IEnumerable<Html> parts) => $"{parts}";

    public void AppendLiteral(string markup) => _text.Append(markup);

    public void AppendFormatted(Html? markup) => _text.Append(markup?._text);

    public void AppendFormatted(IEnumerable<Html> parts)
    {
        foreach (Html part in parts)
            _text.Append(part._text);
    }

    public void AppendFormatted(string? text) => _text.Append(text is null ? "" : Encoder.Encode(text));

    public void AppendFormatted(int number) => _text.Append(CultureInfo.InvariantCulture, $"{number}");

    public void AppendFormatted(double? number, string? format = null) => _text.Append(Text(number, format));

    /// <summary>A number in a format, as in a hole.</summary>
    public static Html Number(double? number, string format) => new(Text(number, format));

    /// <summary>A number for attributes and drawings: no dash where there is none, and a hyphen as minus.</summary>
    public static Html Plain(double number, string format = "0.##") => new(number.ToString(format, CultureInfo.InvariantCulture));

    private static string Text(double? number, string? format)
    {
        if (number is not double value || !double.IsFinite(value))
            return NoNumber;
        string text = value.ToString(format, CultureInfo.InvariantCulture);
        // What rounds to nothing has no sign.
        return text.AsSpan().IndexOfAnyInRange('1', '9') < 0 ? text.TrimStart('-', '+') : text.Replace('-', '−');
    }

    public override string ToString() => _text.ToString();

    /// <summary>Writes it as UTF-8.</summary>
    public void WriteTo(Stream stream)
    {
        using StreamWriter writer = new(stream, new UTF8Encoding(false), leaveOpen: true);
        foreach (ReadOnlyMemory<char> chunk in _text.GetChunks())
            writer.Write(chunk.Span);
    }
}
