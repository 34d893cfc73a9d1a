using System.Globalization;

namespace PatchDpo.Torch.Clip;

/// <summary>Cuts texts at added tokens: the leftmost first, and of those that begin at one place the longest.</summary>
/// <remarks>Source: transformers <c>tokenization_utils.py</c> (Trie) and, for a <c>tokenizer.json</c>, tokenizers' AddedVocabulary.</remarks>
internal sealed class AddedTokenSplitter
{
    private readonly Dictionary<string, AddedToken> _tokens = new(StringComparer.Ordinal);
    private readonly int[] _lengths;
    private readonly HashSet<char> _firsts;
    private readonly Func<char, bool> _isBoundary;

    /// <param name="tokens">The tokens by what is looked for in a text; none is empty.</param>
    /// <param name="isBoundary">Whether a character may stand beside a token that is a word of its own.</param>
    public AddedTokenSplitter(IEnumerable<(string Text, AddedToken Token)> tokens, Func<char, bool> isBoundary)
    {
        foreach ((string text, AddedToken token) in tokens)
            _tokens[text] = token;
        _lengths = [.. _tokens.Keys.Select(k => k.Length).Distinct().OrderDescending()];
        _firsts = [.. _tokens.Keys.Select(k => k[0])];
        _isBoundary = isBoundary;
    }

    /// <summary>A single word's neighbour in transformers' own tokenizers: a space.</summary>
    public static bool IsSpace(char c) => c == ' ';

    /// <summary>A single word's neighbour in a <c>tokenizer.json</c>: what is no part of a word.</summary>
    public static bool IsNoWordCharacter(char c) => !char.IsLetterOrDigit(c) && CharUnicodeInfo.GetUnicodeCategory(c)
        is not (UnicodeCategory.ConnectorPunctuation or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
            or UnicodeCategory.EnclosingMark);

    /// <summary>The text's parts in order: added tokens, and what stands between them.</summary>
    public IEnumerable<(string Text, AddedToken? Token)> Split(string text)
    {
        int start = 0;
        for (int i = 0; i < text.Length;)
        {
            if (!_firsts.Contains(text[i]) || Longest(text, i) is not (int length, AddedToken token))
            {
                i++;
                continue;
            }
            if (!token.SingleWord || IsWord(text, i, i + length))
            {
                if (i > start)
                    yield return (text[start..i], null);
                yield return (token.Content, token);
                start = i + length;
            }
            i += length;
        }
        if (start < text.Length)
            yield return (text[start..], null);
    }

    private (int Length, AddedToken Token)? Longest(string text, int start)
    {
        Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> tokens = _tokens.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (int length in _lengths)
            if (start + length <= text.Length && tokens.TryGetValue(text.AsSpan(start, length), out AddedToken? token))
                return (length, token);
        return null;
    }

    private bool IsWord(string text, int start, int end)
        => (start == 0 || _isBoundary(text[start - 1])) && (end == text.Length || _isBoundary(text[end]));
}
