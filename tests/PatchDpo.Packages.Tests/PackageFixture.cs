using System.Xml.Linq;

namespace PatchDpo.Packages.Tests;

/// <summary>The packages of this commit, packed twice: in two folders outside the repository, each with a copy of the sources.</summary>
public sealed class PackageFixture : IDisposable
{
    public static readonly string[] Ids = ["PatchDpo.Models.Embedded", "PatchDpo.Torch", "PatchDpo.MLNet", "PatchDpo.Mpi"];

    /// <summary>The package of data alone.</summary>
    public const string ResNet18 = "PatchDpo.Models.ResNet18";

    private static readonly string[] Files =
        ["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", ".editorconfig", "README.md", "CHANGELOG.md",
            "LICENSE"];

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("patchdpo-packages-");

    public PackageFixture()
    {
        foreach (string copy in new[] { "one", "two" })
        {
            Copy(Repository, Path.Combine(_root.FullName, copy));
            foreach (string id in Ids.Append(ResNet18))
                Command.Run(
                    Path.Combine(_root.FullName, copy), "dotnet", "pack", $"src/{id}", "-c", "Release", "-o", Feed(
                        copy), $"-p:Version={Version}", "-v", "quiet", "-nologo");
        }
    }

    /// <summary>A version of its own, so that nothing of an earlier run is taken from a cache.</summary>
    public string Version { get; } = $"0.1.0-test.{Guid.NewGuid():N}";

    public string Root => _root.FullName;

    public static string Repository
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PatchDpo.sln")))
                folder = folder.Parent;
            return folder!.FullName;
        }
    }

    public string Feed(string copy) => Path.Combine(_root.FullName, "feed-" + copy);

    public string Package(string copy, string id) => Path.Combine(Feed(copy), $"{id}.{Version}.nupkg");

    public void Dispose()
    {
        _root.Delete(recursive: true);
        // What the application's restore left in the cache of the machine.
        string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        foreach (string cached in Ids.Append(ResNet18).Select(id => Path.Combine(cache, id.ToLowerInvariant(), Version)).Where(Directory.Exists))
            Directory.Delete(cached, recursive: true);
    }

    /// <summary>The version of a package that this repository pins.</summary>
    public static string Pinned(string property)
        => XDocument.Load(Path.Combine(Repository, "Directory.Packages.props")).Descendants(property).Single().Value;

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Files)
            File.Copy(Path.Combine(from, file), Path.Combine(to, file));
        foreach (string folder in new[] { "src", "assets" })
            foreach (string path in Directory.EnumerateFiles(Path.Combine(from, folder), "*", SearchOption.AllDirectories))
            {
                string relative = Path.GetRelativePath(from, path);
                if (relative.Split(Path.DirectorySeparatorChar) is var parts && (parts.Contains("bin") || parts.Contains("obj")))
                    continue;
                string target = Path.Combine(to, relative);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(path, target);
            }
    }
}
