using System.Globalization;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>What a folder has of the generations that Concept101 asks for, and what it lacks. No file is opened.</summary>
public sealed class Concept101Files
{
    private Concept101Files(IReadOnlyList<Concept101File> found, IReadOnlyList<string> missing, IReadOnlyList<string> stray)
        => (Found, Missing, Stray) = (found, missing, stray);

    /// <summary>The files that are asked for and there, combination by combination.</summary>
    public IReadOnlyList<Concept101File> Found { get; }

    /// <summary>The files that are asked for and not there, relative to the folder.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>Generations by the official rule that no prompt asks for, relative to the folder; the official evaluation scores them too.</summary>
    public IReadOnlyList<string> Stray { get; }

    /// <summary>Whether the folder has what is asked for, and no other generation.</summary>
    public bool IsExact => Missing.Count + Stray.Count == 0;

    /// <summary>Looks for generations in the layout that the official scripts write, <c>comb_{k}/{prompt}_gen.png</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="combinations">What is asked for.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static Concept101Files Find(string folder, IReadOnlyList<Concept101Combination> combinations)
    {
        ArgumentNullException.ThrowIfNull(combinations);
        string[] files = [.. FolderFiles.Files(folder, recursive: true).Select(f => Path.GetRelativePath(folder, f))
            .Where(f => Concept101.IsGeneration(Path.GetFileName(f)))];
        HashSet<string> left = files.ToHashSet(StringComparer.Ordinal);
        List<Concept101File> found = [];
        List<string> missing = [];
        foreach (Concept101Combination combination in combinations)
            foreach (string prompt in combination.Prompts)
            {
                string name = Path.Combine(string.Create(CultureInfo.InvariantCulture, $"comb_{combination.Index}"), prompt + "_gen");
                if (Concept101.Endings.Select(e => name + e).FirstOrDefault(left.Remove) is string file)
                    found.Add(new Concept101File(combination, prompt, Path.Combine(folder, file)));
                else
                    missing.Add(name + Concept101.Endings[0]);
            }
        return new Concept101Files(found, missing, [.. files.Where(left.Contains)]);
    }
}
