using System.Runtime.CompilerServices;

namespace PatchDpo.MLNet.Interop;

/// <summary>Checks of column names in arguments and options; a fault is told by the name of the argument, or of the option's property.</summary>
internal static class ColumnName
{
    /// <summary>The name itself.</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public static string Checked(string name, [CallerArgumentExpression(nameof(name))] string expression = "", [CallerMemberName] string member = "")
    {
        ArgumentException.ThrowIfNullOrEmpty(name, Seen(expression, member));
        return name;
    }

    /// <summary>A copy of the names.</summary>
    /// <exception cref="ArgumentException">There is none, or one is empty.</exception>
    public static IReadOnlyList<string> Checked(
        IReadOnlyList<string> names, [CallerArgumentExpression(nameof(names))] string expression = "", [CallerMemberName] string member = "")
    {
        string seen = Seen(expression, member);
        ArgumentNullException.ThrowIfNull(names, seen);
        if (names.Count == 0)
            throw new ArgumentException("At least one column is needed.", seen);
        return names.Select(name => Checked(name, seen)).ToArray();
    }

    // In a property's accessor the argument is "value", which nobody outside sees.
    private static string Seen(string expression, string member) => expression == "value" ? member : expression;
}
