using System.Text;

namespace PatchDpo.Torch.Weights;

/// <summary>A file's tensors do not fit a module. All faults are listed, not only the first.</summary>
public sealed class StateDictMismatchException : Exception
{
    /// <summary>Builds the message, which lists every key.</summary>
    /// <param name="source">The file or source of the tensors.</param>
    /// <param name="missing">Keys of the module that the source lacks.</param>
    /// <param name="unexpected">Keys of the source that the module lacks.</param>
    /// <param name="misshaped">Keys whose shapes differ, each with both shapes.</param>
    public StateDictMismatchException(string source, IReadOnlyList<string> missing, IReadOnlyList<string> unexpected, IReadOnlyList<string> misshaped)
        : base(Describe(source, missing, unexpected, misshaped))
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

    private static string Describe(string source, IReadOnlyList<string> missing, IReadOnlyList<string> unexpected, IReadOnlyList<string> misshaped)
    {
        StringBuilder text = new($"'{source}' does not fit the module:");
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
        foreach (string key in keys)
            text.Append(Environment.NewLine).Append("    ").Append(key);
    }
}
