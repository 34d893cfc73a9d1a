using PatchDpo.Torch.Encoders;

namespace PatchDpo.Tool.Shared;

/// <summary>Tells which prompts the text encoder cuts, and what else is worth a warning: the first few, and how many there are.</summary>
internal static class PromptWarnings
{
    private const int Named = 3;

    /// <summary>The first few warnings of an adapter's family, and how many there are.</summary>
    public static void Print(IReadOnlyList<string> warnings, Action<string> write)
    {
        foreach (string warning in warnings.Take(Named))
            write($"warning: {warning}");
        if (warnings.Count > Named)
            write($"warning: {warnings.Count} such warnings in all.");
    }

    /// <summary>A line for each of the first few prompts, and one for all where there are more; on the error stream.</summary>
    public static void Print(IReadOnlyList<TruncatedPrompt> truncated) => Print(truncated, Console.Error.WriteLine);

    /// <summary>The same, to somewhere else.</summary>
    public static void Print(IReadOnlyList<TruncatedPrompt> truncated, Action<string> write)
    {
        foreach (TruncatedPrompt prompt in truncated.Take(Named))
            write($"warning: {prompt}");
        if (truncated.Count > Named)
            write($"warning: {truncated.Count} prompts are cut in all.");
    }
}
