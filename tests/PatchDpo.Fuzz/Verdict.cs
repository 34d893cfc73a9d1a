using System.Text;

namespace PatchDpo.Fuzz;

/// <summary>How a reader took an input.</summary>
/// <param name="Error">What it threw, or null where it accepted the input.</param>
/// <param name="Content">What was read of an accepted input, in a few numbers.</param>
/// <param name="Fault">What is wrong with that, or null where all is well.</param>
internal sealed record Verdict(Exception? Error, string Content, string? Fault)
{
    private const int MaxWords = 100;

    /// <summary>The outcome: of an error in words that do not depend on names and numbers. Inputs of one signature took about one path.</summary>
    public string Signature => Error is null ? Content : $"{Error.GetType().Name}: {Words(Error.Message)}";

    private static string Words(string message)
    {
        // All quoted parts and numbers are the input's own.
        StringBuilder words = new();
        bool quoted = false;
        foreach (char c in message)
        {
            if (c == '\'')
                quoted = !quoted;
            else if (!quoted && (char.IsAsciiLetter(c) || (c == ' ' && words.Length > 0 && words[^1] != ' ')))
                words.Append(c);
            if (words.Length == MaxWords)
                break;
        }
        return words.ToString();
    }
}
