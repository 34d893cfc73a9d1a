namespace PatchDpo.Torch.Evaluation;

/// <summary>A generation of Concept101.</summary>
/// <param name="Combination">The objects that it should show.</param>
/// <param name="Prompt">The prompt that it was generated from.</param>
/// <param name="Path">Where it is.</param>
public sealed record Concept101File(Concept101Combination Combination, string Prompt, string Path)
{
    /// <summary>The text that the picture is compared with.</summary>
    /// <param name="rule">Which one.</param>
    public string Caption(Concept101CaptionRule rule)
        => rule == Concept101CaptionRule.Official ? Concept101.OfficialCaption(System.IO.Path.GetFileName(Path)) : Prompt;
}
