using PatchDpo.Torch.Encoders;

namespace PatchDpo.Torch.Clip;

/// <summary>A prompt has more tokens than the text encoder takes, where that was asked to be an error (RefuseTruncatedPrompts).</summary>
public sealed class TruncatedPromptException : ArgumentException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="prompt">Which prompt it is, how many tokens it has and what would be left out.</param>
    public TruncatedPromptException(TruncatedPrompt prompt)
        : base($"{(prompt ?? throw new ArgumentNullException(nameof(prompt))).Name} is too long: {prompt.Reason}")
        => Prompt = prompt;

    /// <summary>Which prompt it is, how many tokens it has and what would be left out.</summary>
    public TruncatedPrompt Prompt { get; }

    /// <summary>Throws for the first of the prompts, where there is one and it is asked for.</summary>
    internal static void ThrowIfAny(IReadOnlyList<TruncatedPrompt> prompts, bool refuse)
    {
        if (refuse && prompts.Count > 0)
            throw new TruncatedPromptException(prompts[0]);
    }
}
