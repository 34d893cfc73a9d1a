namespace PatchDpo.MLNet.Interop;

/// <summary>Checks of column names in options.</summary>
internal static class ColumnName
{
    /// <summary>The name itself.</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public static string Checked(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return name;
    }

    /// <summary>A copy of the names.</summary>
    /// <exception cref="ArgumentException">There is none, or one is empty.</exception>
    public static IReadOnlyList<string> Checked(IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        if (names.Count == 0)
            throw new ArgumentException("At least one column is needed.", nameof(names));
        return names.Select(Checked).ToArray();
    }
}
