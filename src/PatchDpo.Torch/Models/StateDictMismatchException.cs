using System.Text;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Models;

/// <summary>A file's tensors do not fit a module. The message lists the first faults of each kind, the properties all of them.</summary>
public sealed class StateDictMismatchException : PatchDpoException
{
    private const int MaxListed = 20;

    /// <summary>Builds the message, which lists at most 20 keys of each kind and counts the rest.</summary>
    /// <param name="source">The file or source of the tensors.</param>
    /// <param name="missing">Keys of the module that the source lacks.</param>
    /// <param name="unexpected">Keys of the source that the module lacks.</param>
    /// <param name="misshaped">Keys whose shapes differ, each with both shapes.</param>
    /// <param name="cause">What explains all of it, as the end of a sentence, where it is known.</param>
    public StateDictMismatchException(
        string source, IReadOnlyList<string> missing, IReadOnlyList<string> unexpected, IReadOnlyList<string> misshaped, string? cause = null)
        : base(Describe(source, missing, unexpected, misshaped, cause))
    {
        SourceName = source;
        MissingKeys = missing;
        UnexpectedKeys = unexpected;
        MisshapedKeys = misshaped;
    }

    /// <summary>The file or source of the tensors.</summary>
    public string SourceName { get; }

    /// <summary>Keys of the module that the source lacks.</summary>
    public IReadOnlyList<string> MissingKeys { get; }

    /// <summary>Keys of the source that the module lacks.</summary>
    public IReadOnlyList<string> UnexpectedKeys { get; }

    /// <summary>Keys whose shapes differ, each with both shapes.</summary>
    public IReadOnlyList<string> MisshapedKeys { get; }

    private static string Describe(
        string source, IReadOnlyList<string> missing, IReadOnlyList<string> unexpected, IReadOnlyList<string> misshaped, string? cause)
    {
        StringBuilder text = new($"'{source}' does not fit the module:");
        if (cause is not null)
            text.Append(' ').Append(cause);
        Append(text, "missing", missing);
        Append(text, "unexpected", unexpected);
        Append(text, "of another shape", misshaped);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string kind, IReadOnlyList<string> keys)
    {
        if (keys.Count == 0)
            return;
        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{Environment.NewLine}  {keys.Count} {kind}:");
        foreach (string key in keys.Take(MaxListed))
            text.Append(Environment.NewLine).Append("    ").Append(key);
        if (keys.Count > MaxListed)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{Environment.NewLine}    and {keys.Count - MaxListed} more");
    }
}
