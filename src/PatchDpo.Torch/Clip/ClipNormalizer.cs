using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace PatchDpo.Torch.Clip;

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
        string text = WebUtility.HtmlDecode(WebUtility.HtmlDecode(UnicodeNfc.Normalize(original)));
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
        ReadOnlySpan<char> before = text.AsSpan(0, index), after = text.AsSpan(index + 1);
        while (Rune.DecodeLastFromUtf16(before, out Rune rune, out int length) == OperationStatus.Done && IsCaseIgnorable(rune))
            before = before[..^length];
        while (Rune.DecodeFromUtf16(after, out Rune rune, out int length) == OperationStatus.Done && IsCaseIgnorable(rune))
            after = after[length..];
        return Rune.DecodeLastFromUtf16(before, out Rune last, out _) == OperationStatus.Done && IsCased(last)
            && !(Rune.DecodeFromUtf16(after, out Rune first, out _) == OperationStatus.Done && IsCased(first));
    }

    private static bool IsCased(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;

    private static bool IsCaseIgnorable(Rune rune) => rune.Value is '\'' or '.' or ':' or '\u00B7' or '\u2018' or '\u2019' || Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
        or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
}
