using System.IO.Enumeration;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Inspect;

/// <summary>Finds weight files by the endings that people give them.</summary>
internal static class WeightFiles
{
    private static readonly string[] Endings = [".safetensors", ".bin", ".pth", ".pt", ".th", ".ckpt", ".params"];

    /// <summary>The file itself, or the weight files in and below a folder, in order; links to folders are not followed.</summary>
    /// <exception cref="FileNotFoundException">The folder has none.</exception>
    public static IReadOnlyList<string> Find(string path)
    {
        if (!Directory.Exists(path))
            return [path];
        var recursive = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false };
        string[] files =
        [
            .. new FileSystemEnumerable<string>(path, (ref entry) => entry.ToSpecifiedFullPath(), recursive)
            {
                ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && !FolderFiles.IsLitter(entry.FileName) && IsWeightFile(entry.FileName),
                ShouldRecursePredicate = (ref entry) => !FolderFiles.IsLitter(entry.FileName) && !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
            }.Order(StringComparer.Ordinal),
        ];
        return files.Length > 0 ? files : throw new FileNotFoundException($"The folder '{path}' has no weight file ({string.Join(", ", Endings)}).");
    }

    private static bool IsWeightFile(ReadOnlySpan<char> name)
    {
        foreach (string ending in Endings)
        {
            if (name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }
}
