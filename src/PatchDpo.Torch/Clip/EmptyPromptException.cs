namespace PatchDpo.Torch.Clip;

/// <summary>A prompt is null, or holds nothing but white space, where words are needed.</summary>
public sealed class EmptyPromptException : ArgumentException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="promptIndex">The prompt's index in its list: the request, the row, the pair.</param>
    /// <param name="isNull">Whether there is no text at all.</param>
    public EmptyPromptException(int promptIndex, bool isNull) : base($"Prompt {promptIndex} is {(isNull ? "null" : "empty")}; it has to say what to show.")
        => PromptIndex = promptIndex;

    /// <summary>The prompt's index in its list, from 0.</summary>
    public int PromptIndex { get; }

    /// <summary>Throws for the first prompt that is null, or empty where that is not allowed.</summary>
    internal static void ThrowIfAny(IReadOnlyList<string> prompts, bool allowEmpty = false)
    {
        for (int i = 0; i < prompts.Count; i++)
            ThrowIf(prompts[i], i, allowEmpty);
    }

    /// <summary>Throws for a prompt that is null, or empty where that is not allowed.</summary>
    internal static void ThrowIf(string prompt, int index, bool allowEmpty = false)
    {
        if (prompt is null || (!allowEmpty && string.IsNullOrWhiteSpace(prompt)))
            throw new EmptyPromptException(index, prompt is null);
    }
}
