namespace PatchDpo.Torch.Tests.DataConstruction;

/// <summary>The files of a folder, to compare folders byte by byte.</summary>
internal static class FolderContent
{
    /// <summary>Each file's path, with slashes, and a text that stands for its bytes.</summary>
    public static SortedDictionary<string, string> Of(string folder) => new(
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(
            f => Path.GetRelativePath(folder, f).Replace(Path.DirectorySeparatorChar, '/'), f
                => Convert.ToHexString(File.ReadAllBytes(f))), StringComparer.Ordinal);

    public static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
