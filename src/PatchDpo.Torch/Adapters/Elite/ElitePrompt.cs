using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>The placeholder: the word of a prompt in whose place the object stands.</summary>
/// <remarks>
/// inference_local.py: the last word, parted at blanks, that is "S". The reference counts words up to it, and so is off behind a word of several
/// tokens; here the token itself is looked for, which is the same where the reference is right.
/// </remarks>
internal static class ElitePrompt
{
    /// <summary>The word that ELITE was trained with.</summary>
    public const string Placeholder = "S";

    /// <summary>A placeholder's token.</summary>
    /// <param name="word">The object's name; null for <see cref="Placeholder"/>.</param>
    /// <param name="tokenizer">The text encoder's.</param>
    /// <returns>Null where the word is not one token.</returns>
    public static int? Token(string? word, ClipTokenizer tokenizer)
        => tokenizer.Encode(word ?? Placeholder) is [_, var token, _] ? token : null;

    /// <summary>The last place of a token in an encoded prompt, with the start token's as 0; null where the encoder does not see it there.</summary>
    public static int? Place(string prompt, int token, ClipTokenizer tokenizer)
    {
        IReadOnlyList<int> ids = tokenizer.Encode(prompt);
        for (int i = ids.Count - 2; i > 0; i--)
            if (ids[i] == token)
                return i;
        return null;
    }
}
