using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>Where the placeholder stands in a prompt.</summary>
/// <remarks>
/// inference_local.py: the last word, parted at blanks, that is the placeholder. The reference counts words, and so is off behind a word of several
/// tokens; here tokens are counted, which is the same where it is right.
/// </remarks>
internal static class ElitePrompt
{
    /// <summary>The word that ELITE was trained with.</summary>
    public const string Placeholder = "S";

    /// <summary>The placeholder's token in the encoded prompt, with the start token as 0; null where the prompt has no such word.</summary>
    public static int? Place(string prompt, string placeholder, ClipTokenizer tokenizer)
    {
        string[] words = prompt.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int word = Array.LastIndexOf(words, placeholder);
        return word < 0 ? null : 1 + tokenizer.CountTokens(string.Join(' ', words[..word]));
    }
}
