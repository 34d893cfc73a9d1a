using System.Text.Json;

namespace PatchDpo.Torch.Training.Parallel;

/// <summary>Looks whether all processes are about to do the same.</summary>
internal static class RankAgreement
{
    private const int Shown = 5;

    /// <summary>Compares what the processes were started with; all of them throw where one differs.</summary>
    /// <param name="group">The processes.</param>
    /// <param name="settings">Names and values.</param>
    /// <exception cref="RankMismatchException">A process has others than rank 0.</exception>
    public static void Require(IProcessGroup group, IReadOnlyDictionary<string, string> settings)
    {
        Dictionary<string, string> first = JsonSerializer.Deserialize<Dictionary<string, string>>(
            RankTexts.Broadcast(group, JsonSerializer.Serialize(settings), 0))!;
        string[] differences =
        [
            .. first.Keys.Union(settings.Keys).Order(StringComparer.Ordinal)
                .Select(name => (Name: name, First: first.GetValueOrDefault(name, "absent"), Own: settings.GetValueOrDefault(name, "absent")))
                .Where(d => d.First != d.Own).Select(d => $"{d.Name}: {d.First}, there {d.Own}"),
        ];
        string? own = differences.Length == 0 ? null
            : string.Join("; ", differences.Take(Shown)) + (differences.Length > Shown ? $"; and {differences.Length - Shown} more" : "");
        if (RankTexts.FindFirst(group, own) is (int rank, string text))
            throw new RankMismatchException(rank, text);
    }
}
