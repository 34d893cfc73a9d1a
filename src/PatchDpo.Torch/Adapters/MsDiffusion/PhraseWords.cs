using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>Where a phrase stands among a prompt's tokens, found word by word.</summary>
/// <remarks>
/// MS-Diffusion, utils.py, get_phrase_idx. A word of the prompt may have one mark of punctuation at its end, and a phrase's word also matches what follows a
/// hyphen. Each word's tokens are counted apart; the last word of a phrase counts without its punctuation. As there, the first word of an occurrence that is
/// passed over is not counted, so that a later occurrence is found so many tokens early.
/// </remarks>
internal static class PhraseWords
{
    private static readonly char[] Marks = ['.', '!', '?', ',', ':'];

    /// <summary>
    /// The places of a phrase's tokens, from and up to, the start of the text counted; <c>(0, 0)</c> where it is not in the prompt, or empty.
    /// </summary>
    /// <param name="tokenizer">The text encoder's.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="phrase">One or more words.</param>
    /// <param name="occurrence">How many earlier occurrences are passed over.</param>
    public static (int From, int To) Find(ClipTokenizer tokenizer, string prompt, string phrase, int occurrence)
    {
        string[] words = Words(prompt), searched = Words(phrase);
        if (searched.Length == 0)
            return (0, 0);
        int from = 1;
        for (int i = 0; i + searched.Length <= words.Length; i++)
        {
            if (searched.Index().All(s => Matches(words[i + s.Index], s.Item)))
            {
                if (occurrence-- > 0)
                    continue;
                int to = from + words[i..(i + searched.Length - 1)].Sum(Count) + Count(WithoutMark(words[i + searched.Length - 1]));
                return (from, to);
            }
            from += Count(words[i]);
        }
        return (0, 0);

        int Count(string word) => tokenizer.Encode(word).Count - 2;
    }

    private static bool Matches(string word, string searched)
        => WithoutMark(word) == searched || word.Contains("-" + searched, StringComparison.Ordinal);

    private static string WithoutMark(string word) => word.Length > 0 && Marks.Contains(word[^1]) ? word[..^1] : word;

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
