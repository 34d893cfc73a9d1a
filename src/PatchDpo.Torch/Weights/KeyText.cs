using System.Globalization;
using System.Text;

namespace PatchDpo.Torch.Weights;

/// <summary>Shows keys of untrusted files in messages.</summary>
internal static class KeyText
{
    private const int MaxLength = 200;

    /// <summary>The key in quotes; control, formatting (such as right-to-left) and unpaired surrogate characters escaped, long keys cut.</summary>
    public static string Quote(string key)
    {
        StringBuilder text = new("'");
        foreach (char c in key.AsSpan(0, Math.Min(key.Length, MaxLength)))
        {
            bool plain = c != '\'' && char.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse);
            if (plain)
                text.Append(c);
            else
                text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
        return text.Append(key.Length > MaxLength ? "…'" : "'").ToString();
    }
}
