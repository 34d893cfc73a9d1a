
using PatchDpo.Torch.Encoders;

namespace PatchDpo.Examples;

/// <summary>Tells on the error stream which prompts the text encoder cuts: the first few, and how many there are.</summary>
internal static class PromptWarnings
{
    private const int Named = 3;

    /// <summary>A line for each of the first few prompts, and one for all where there are more.</summary>
    public static void Print(IReadOnlyList<TruncatedPrompt> truncated)
    {
        foreach (TruncatedPrompt prompt in truncated.Take(Named))
            Console.Error.WriteLine($"warning: {prompt}");
        if (truncated.Count > Named)
            Console.Error.WriteLine($"warning: {truncated.Count} prompts are cut in all.");
    }
}
