using System.Text.RegularExpressions;
using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Tests.Foundation;

/// <summary>What desktops, archives and notebooks leave in folders is no data.</summary>
public sealed partial class FolderFilesTests : IDisposable
{
    private static readonly string[] Litter =
        [".DS_Store", "._a.png", ".a.png", ".directory", "Thumbs.db", "thumbs.DB", "ehthumbs.db", "Desktop.ini", ".ipynb_checkpoints", "__MACOSX", "@eaDir",
            "$RECYCLE.BIN", "System Volume Information"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Names_that_nobody_gave_are_litter_and_others_are_not()
    {
        Assert.All(Litter, n => Assert.True(FolderFiles.IsLitter(n), n));
        Assert.All(["a.png", "thumbs", "Thumbs.db.png", "desktop.ini.txt", "a.DS_Store", "_a.png", "MACOSX", "~a.png", "Icon.png"], n
            => Assert.False(FolderFiles.IsLitter(n), n));
    }

    [Fact]
    public void A_folder_is_listed_in_order_without_litter_or_what_is_in_it()
    {
        foreach (string name in new[] { "b.png", "a.png", "sub/c.png", "sub/.ipynb_checkpoints/c-checkpoint.png", "__MACOSX/sub/._c.png", "sub/Thumbs.db",
            "._b.png" })
            Write(name);
        Assert.Equal(["a.png", "b.png", "sub/c.png"], Relative(FolderFiles.Files(Root, recursive: true)));
        Assert.Equal(["a.png", "b.png"], Relative(FolderFiles.Files(Root)));
        Assert.Equal(["sub"], Relative(FolderFiles.Folders(Root)));
        // The folder that is asked for is the user's, whatever it is called.
        Write(".hidden/d.png");
        Assert.Equal(["d.png"], FolderFiles.Files(_folder.File(".hidden")).Select(Path.GetFileName));
        Assert.Contains("is a file", Assert.Throws<DirectoryNotFoundException>(() => FolderFiles.Files(_folder.File("a.png"))).Message,
            StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => FolderFiles.Files(_folder.File("none")));
    }

    [Fact]
    public void Photos_and_generations_of_the_benchmark_are_found_among_litter()
    {
        foreach (DreamBenchSubject subject in DreamBench.Subjects)
        {
            foreach (string photo in subject.Photos)
                Write($"photos/{subject.Name}/{photo}.jpg");
            foreach (string prompt in DreamBench.Prompts(subject))
                Write($"generations/{subject.Name}/{prompt}.png");
            foreach (string litter in new[] { "._00.jpg", "Thumbs.db", ".ipynb_checkpoints/00-checkpoint.jpg", "desktop.ini" })
            {
                Write($"photos/{subject.Name}/{litter}");
                Write($"generations/{subject.Name}/{litter}");
            }
        }
        Write("generations/__MACOSX/cat/._a cat.png");
        Assert.True(DreamBenchFiles.FindPhotos(_folder.File("photos"), DreamBenchSetting.Original).IsExact);
        Assert.True(DreamBenchFiles.FindGenerations(_folder.File("generations")).IsExact);
    }

    [Fact]
    public void A_lone_checkpoint_is_found_beside_its_shadow()
    {
        Write("resnet.pth");
        Write("._resnet.pth");
        Assert.Equal(_folder.File("resnet.pth"), ModelFolder.RequireFile(Root));
    }

    [Fact]
    public void A_models_identity_does_not_change_with_litter()
    {
        Write("model/config.json");
        Write("model/vae/config.json");
        IReadOnlyList<ModelFile> before = ModelIdentity.FromPath("CLIP", _folder.File("model")).Files;
        foreach (string litter in new[] { "model/._config.json", "model/.ipynb_checkpoints/config-checkpoint.json", "model/vae/__MACOSX/config.json",
            "model/vae/.DS_Store" })
            Write(litter);
        Assert.Equal(before, ModelIdentity.FromPath("CLIP", _folder.File("model")).Files);
        Assert.Equal(["config.json", "vae/config.json"], before.Select(f => f.File));
    }

    [Fact]
    public void Every_listing_of_a_folder_goes_through_the_one_place_that_knows_litter()
    {
        // Where all entries are meant: what a killed build left, the fingerprints of earlier versions, the place itself.
        string[] meant = ["FolderFiles.cs", "ModelFingerprint.cs", "PairBuild.cs", "WeightFiles.cs"];
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "PatchDpo.sln")))
            root = Path.GetDirectoryName(root) ?? throw new InvalidOperationException("The repository's root was not found.");
        string[] found =
        [
            .. new[] { "src", "tools", "examples", "experiments" }.SelectMany(
                f => Directory.GetFiles(Path.Combine(root, f), "*.cs", SearchOption.AllDirectories))
                .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
                    && Listing().IsMatch(File.ReadAllText(f)))
                .Select(f => Path.GetFileName(f)!).Where(f => !meant.Contains(f)),
        ];
        Assert.Empty(found);
    }

    [GeneratedRegex(@"Directory\.(Get|Enumerate)(Files|Directories|FileSystemEntries)|FileSystemEnumerable|\.(Get|Enumerate)(Files|Directories|FileSystemInfos)\(")]
    private static partial Regex Listing();

    private string Root => _folder.File("");

    private IEnumerable<string> Relative(IEnumerable<string> paths) => paths.Select(p => Path.GetRelativePath(Root, p).Replace('\\', '/'));

    private void Write(string name)
    {
        string path = _folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, name);
    }
}
