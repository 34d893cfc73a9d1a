using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Personalization;

/// <summary>A prompt has more characters than the limit allows.</summary>
/// <remarks>Text encoders cut prompts to 77 tokens anyway; the limit keeps mistaken input (a file's content in a prompt column) from being tokenised.</remarks>
public sealed class PromptTooLongException : ArgumentException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="promptIndex">The prompt's index in its list, or null for the negative prompt.</param>
    /// <param name="length">Its length in characters.</param>
    /// <param name="limit">The limit.</param>
    public PromptTooLongException(int? promptIndex, int length, int limit)
        : base($"{(promptIndex is int i ? $"Prompt {i}" : "The negative prompt")} has {length} characters; at most {limit} are allowed (MaxPromptCharacters).")
    {
        PromptIndex = promptIndex;
        Length = length;
        Limit = limit;
    }

    /// <summary>The prompt's index in its list, from 0; null for the negative prompt.</summary>
    public int? PromptIndex { get; }

    /// <summary>The prompt's length in characters.</summary>
    public int Length { get; }

    /// <summary>The limit in characters.</summary>
    public int Limit { get; }

    /// <exception cref="EmptyPromptException">A prompt is null.</exception>
    internal static void ThrowIfAny(IReadOnlyList<string> prompts, int limit)
    {
        EmptyPromptException.ThrowIfAny(prompts, allowEmpty: true);
        for (int i = 0; i < prompts.Count; i++)
            if (prompts[i].Length > limit)
                throw new PromptTooLongException(i, prompts[i].Length, limit);
    }
}
