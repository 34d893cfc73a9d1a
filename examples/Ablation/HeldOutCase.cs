using PatchDpo.Torch.Images;
using ProceduralCharacters;

namespace Ablation;

/// <summary>A held-out request with its truth.</summary>
internal sealed record HeldOutCase(string Subject, Character Character, Prompt Prompt, ImageBuffer Reference, RenderedCharacter Truth)
{
    /// <summary>For each thing that the prompt adds or repaints, whether its colour is there.</summary>
    public IEnumerable<bool> Asked(PartAccuracy accuracy)
    {
        if (!double.IsNaN(accuracy.AccessoryError))
            yield return accuracy.AccessoryError <= PartAccuracy.WrongAbove;
        if (Prompt.BodyColor is not null && !double.IsNaN(accuracy.PartErrors[Character.BodyPart]))
            yield return accuracy.PartErrors[Character.BodyPart] <= PartAccuracy.WrongAbove;
    }
}
