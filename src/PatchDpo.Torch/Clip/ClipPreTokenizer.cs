using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace PatchDpo.Torch.Clip;

/// <summary>Cuts clean text into what CLIP's byte-pair encoding treats as a word.</summary>
/// <remarks>
/// Source: openai/CLIP <c>simple_tokenizer.py</c>, the pattern
/// <c>&lt;|startoftext|&gt; | &lt;|endoftext|&gt; | 's | 't | 're | 've | 'm | 'll | 'd | [\p{L}]+ | [\p{N}] | [^\s\p{L}\p{N}]+</c>.
/// Written out because a .NET regular expression classes UTF-16 units: it takes letters beyond the basic plane for symbols.
/// </remarks>
internal sealed class ClipPreTokenizer : PreTokenizer
{
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    private readonly string[] _specials;

    /// <param name="specials">Tokens that stay whole wherever they stand.</param>
    public ClipPreTokenizer(params string[] specials) => _specials = specials;

    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
    {
        for (int i = 0; i < text.Length;)
        {
            int length = WordLength(text.AsSpan(i), out bool isWord);
            if (isWord)
                yield return (i, length);
            i += length;
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());

    private int WordLength(ReadOnlySpan<char> text, out bool isWord)
    {
        isWord = true;
        if (FixedLength(text) is > 0 and int whole)
            return whole;

        Kind kind = KindAt(text, out int length);
        if (kind == Kind.Space)
            isWord = false;
        if (kind is Kind.Number or Kind.Space)
            return length;
        while (length < text.Length && KindAt(text[length..], out int next) == kind)
            length += next;
        return length;
    }

    /// <summary>The length of the special token or contraction that the text begins with, or 0.</summary>
    private int FixedLength(ReadOnlySpan<char> text)
    {
        foreach (string special in _specials)
            if (text.StartsWith(special, StringComparison.Ordinal))
                return special.Length;
        foreach (string contraction in Contractions)
            if (text.StartsWith(contraction, StringComparison.Ordinal))
                return contraction.Length;
        return 0;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, out int length)
    {
        Rune.DecodeFromUtf16(text, out Rune rune, out length);
        if (Rune.IsWhiteSpace(rune))
            return Kind.Space;
        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }
}
