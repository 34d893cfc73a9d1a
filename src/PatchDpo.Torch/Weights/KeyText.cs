using System.Globalization;
using System.Text;

namespace PatchDpo.Torch.Weights;

/// <summary>Shows text of untrusted files, such as the keys of tensors, so that it cannot break or reorder a line of a message, a log or a terminal.</summary>
public static class KeyText
{
    private const int MaxLength = 200;

    /// <summary>The key in quotes; control, formatting (such as right-to-left) and surrogate characters escaped as <c>\u202e</c>, long keys cut.</summary>
    /// <param name="key">Any text.</param>
    public static string Quote(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return $"'{Escape(key, MaxLength).Replace("'", "\\u0027", StringComparison.Ordinal)}'";
    }

    /// <summary>The text without quotes, escaped as <see cref="Quote"/> does.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="maxLength">Longer texts are cut to this many characters, and end in an ellipsis.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxLength"/> is negative.</exception>
    public static string Escape(string text, int maxLength = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfNegative(maxLength);
        StringBuilder escaped = new();
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, maxLength)))
        {
            bool plain = char.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse);
            if (plain)
                escaped.Append(c);
            else
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
        return escaped.Append(text.Length > maxLength ? "…" : "").ToString();
    }
}
