using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace PatchDpo.Torch.Text;

/// <summary>Cleans text as CLIP does before byte-pair encoding: Unicode NFC, HTML entities, white space, lower case.</summary>
/// <remarks>
/// Source: openai/CLIP <c>simple_tokenizer.py</c> (basic_clean, whitespace_clean, lower). Of ftfy's repairs only the NFC
/// normalisation is done: mojibake, curly quotes, ligatures and full-width letters stay as they are.
/// </remarks>
internal sealed class ClipNormalizer : Normalizer
{
    private const char CapitalSigma = '\u03A3';
    private const char FinalSigma = '\u03C2';
    private const char CapitalIWithDot = '\u0130';

    /// <inheritdoc/>
    public override string Normalize(string original)
    {
        string text = WebUtility.HtmlDecode(WebUtility.HtmlDecode(original.Normalize(NormalizationForm.FormC)));
        return Lower(string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    }

    /// <inheritdoc/>
    public override string Normalize(ReadOnlySpan<char> original) => Normalize(original.ToString());

    /// <summary>Python's <c>str.lower</c>, which knows two rules that .NET's simple case mapping does not.</summary>
    private static string Lower(string text)
    {
        if (text.AsSpan().IndexOfAny(CapitalSigma, CapitalIWithDot) < 0)
            return text.ToLowerInvariant();
        var lower = new StringBuilder(text.Length + 8);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == CapitalSigma && IsFinal(text, i))
                lower.Append(FinalSigma);
            else if (text[i] == CapitalIWithDot)
                lower.Append("i\u0307");
            else
                lower.Append(text[i]);
        }
        return lower.ToString().ToLowerInvariant();
    }

    /// <summary>Unicode's Final_Sigma: a cased letter before, none after, case-ignorable characters aside.</summary>
    private static bool IsFinal(string text, int index)
    {
        int before = index - 1;
        while (before >= 0 && IsCaseIgnorable(text[before]))
            before--;
        int after = index + 1;
        while (after < text.Length && IsCaseIgnorable(text[after]))
            after++;
        return before >= 0 && IsCased(text[before]) && !(after < text.Length && IsCased(text[after]));
    }

    private static bool IsCased(char c) => char.GetUnicodeCategory(c)
        is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;

    private static bool IsCaseIgnorable(char c) => c is '\'' or '.' or ':' or '\u00B7' or '\u2018' or '\u2019' || char.GetUnicodeCategory(c)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
        or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
}
