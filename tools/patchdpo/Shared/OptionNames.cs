using System.Text.Json;

namespace PatchDpo.Tool.Shared;

/// <summary>An enumeration's members as a command line names them: <c>MinMax</c> is <c>min-max</c>.</summary>
internal sealed class OptionNames<T> where T : struct, Enum
{
    private readonly Dictionary<string, T> _members = Enum.GetValues<T>().ToDictionary(NameOf);

    /// <summary>All names, in the members' order.</summary>
    public IReadOnlyList<string> Names => [.. _members.Keys];

    /// <summary>All names in a sentence.</summary>
    public string All => $"{string.Join(", ", Names.SkipLast(1))} or {Names[^1]}";

    /// <summary>The member of a name.</summary>
    public T Parse(string name) => _members[name];

    /// <summary>A member's name.</summary>
    public string Of(T member) => NameOf(member);

    private static string NameOf(T member) => JsonNamingPolicy.KebabCaseLower.ConvertName(member.ToString());
}
