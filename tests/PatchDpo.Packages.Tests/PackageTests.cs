using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Xml.Linq;

namespace PatchDpo.Packages.Tests;

/// <summary>What a user gets by <c>dotnet add package PatchDpo.MLNet</c>.</summary>
public sealed class PackageTests(PackageFixture packages) : IClassFixture<PackageFixture>
{
    [Theory]
    [MemberData(nameof(Ids))]
    public void A_package_says_what_it_is(string id)
    {
        using ZipArchive package = ZipFile.OpenRead(packages.Package("one", id));
        XElement metadata = XDocument.Load(package.GetEntry($"{id}.nuspec")!.Open()).Root!.Elements().First();
        string Value(string name) => metadata.Elements().Single(e => e.Name.LocalName == name).Value;
        Assert.Equal("MIT", Value("license"));
        Assert.True(Value("description").Length > 40);
        Assert.Contains("mlnet", Value("tags"), StringComparison.Ordinal);
        Assert.NotEmpty(Value("releaseNotes"));
        Assert.NotNull(package.GetEntry(Value("readme")));
        Assert.NotNull(package.GetEntry(Value("icon")));
        Assert.NotNull(package.GetEntry($"lib/net10.0/{id}.dll"));
        Assert.NotNull(package.GetEntry($"lib/net10.0/{id}.xml"));
        using ZipArchive symbols = ZipFile.OpenRead(Path.ChangeExtension(packages.Package("one", id), ".snupkg"));
        Assert.NotNull(symbols.GetEntry($"lib/net10.0/{id}.pdb"));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void The_same_sources_in_two_folders_give_equal_assemblies(string id)
        => Assert.Equal(Assembly("one", id), Assembly("two", id));

    [Fact]
    public void The_models_are_where_an_application_finds_them()
    {
        using ZipArchive package = ZipFile.OpenRead(packages.Package("one", "PatchDpo.Models.Embedded"));
        string source = Path.Combine(PackageFixture.Repository, "src", "PatchDpo.Models.Embedded", "models");
        string[] models = [.. Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories)
            .Select(f => "models/" + Path.GetRelativePath(source, f).Replace('\\', '/'))];
        Assert.Equal(models.Order(StringComparer.Ordinal), package.Entries.Select(e => e.FullName).Where(n => n.StartsWith("models/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_libraries_are_small_and_the_model_for_photos_is_a_package_of_its_own_with_its_licence()
    {
        Assert.All(new[] { "PatchDpo.Torch", "PatchDpo.MLNet", "PatchDpo.Mpi" }, id => Assert.InRange(new FileInfo(packages.Package("one", id)).Length, 1, 3_000_000));
        using ZipArchive package = ZipFile.OpenRead(packages.Package("one", PackageFixture.ResNet18));
        Assert.Contains(".NET Foundation", new StreamReader(package.GetEntry("DnnImageModels/LICENSE")!.Open()).ReadToEnd(), StringComparison.Ordinal);
        Assert.InRange(package.GetEntry("DnnImageModels/ResNet18Onnx/ResNet18.trained.safetensors")!.Length, 4_000_000, 5_000_000);
        Assert.Equal(63_653_533, package.GetEntry("DnnImageModels/ResNet18Onnx/ResNet18.onnx")!.Length);
        Assert.DoesNotContain(package.Entries, e => e.FullName.EndsWith(".dll", StringComparison.Ordinal));
    }

    [Fact]
    public void An_application_scores_tunes_saves_and_loads_also_as_a_single_file()
    {
        string folder = Path.Combine(packages.Root, "application"), work = Path.Combine(packages.Root, "elsewhere"), published = Path.Combine(
            packages.Root, "published");
        Directory.CreateDirectory(folder);
        Directory.CreateDirectory(work);
        string templates = Path.Combine(AppContext.BaseDirectory, "Application");
        File.Copy(Path.Combine(templates, "Program.cs"), Path.Combine(folder, "Program.cs"));
        File.WriteAllText(Path.Combine(folder, "Application.csproj"), File.ReadAllText(Path.Combine(templates, "Application.csproj.txt"))
            .Replace("{version}", packages.Version, StringComparison.Ordinal).Replace("{libtorch}", LibTorch, StringComparison.Ordinal)
            .Replace("{libtorchVersion}", PackageFixture.Pinned("LibTorchVersion"), StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration><packageSources><add key="packed" value="{packages.Feed("one")}" /></packageSources></configuration>
            """);
        Command.Run(folder, "dotnet", "publish", "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false",
            "-p:PublishSingleFile=true", "-o", published, "-v", "quiet", "-nologo");
        string program = Path.Combine(published, OperatingSystem.IsWindows() ? "Application.exe" : "Application");
        Assert.False(File.Exists(Path.Combine(published, "PatchDpo.Torch.dll")));
        Assert.Equal(["scored 2", "loaded PersonalizedImageTransformer", "photos need PatchDpo.Models.ResNet18"], Lines(Command.Run(work, program, work)));
        // And as a build leaves it, with the model for photos.
        Command.Run(folder, "dotnet", "build", "-c", "Release", "-p:WithResNet18=true", "-v", "quiet", "-nologo");
        Assert.Equal(["scored 2", "loaded PersonalizedImageTransformer", "photos have an encoder"],
            Lines(Command.Run(work, "dotnet", Path.Combine(folder, "bin", "Release", "net10.0", "Application.dll"), work)));
    }

    public static TheoryData<string> Ids => [.. PackageFixture.Ids];

    // The native library of this system alone.
    private static string LibTorch => OperatingSystem.IsWindows() ? $"libtorch-cpu-win-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}"
        : OperatingSystem.IsMacOS() ? "libtorch-cpu-osx-arm64" : "libtorch-cpu-linux-x64";

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private byte[] Assembly(string copy, string id)
    {
        using ZipArchive package = ZipFile.OpenRead(packages.Package(copy, id));
        using MemoryStream bytes = new();
        package.GetEntry($"lib/net10.0/{id}.dll")!.Open().CopyTo(bytes);
        return bytes.ToArray();
    }
}
