namespace PatchDpo.Torch.Evaluation;

/// <summary>Which text CLIP-T compares a picture of Concept101 with.</summary>
public enum Concept101CaptionRule
{
    /// <summary>The prompt as it was given.</summary>
    Prompt,

    /// <summary>
    /// What MIP-Adapter's evaluation makes of the file's name: its text before the first dot, and a dot. A prompt without a full stop is compared as
    /// "prompt_gen.", one with a dot inside is cut there.
    /// </summary>
    Official,
}
