using System.Reflection;
using System.Text.RegularExpressions;
using NetArchTest.Rules;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.Tests.Architecture;

/// <summary>The folders of PatchDpo.Torch are rooms on floors: a room uses rooms of lower floors only, and so no two use each other.</summary>
public sealed class FloorTests
{
    private const string Root = "PatchDpo.Torch";

    private static readonly Assembly TorchAssembly = typeof(PersonalizedModel).Assembly;

    // From the lowest up. Encoders have a floor of their own: they are opened by what Models reads; CLIP's text is what Diffusion is conditioned on.
    private static readonly string[][] Floors =
    [
        ["Foundation"],
        ["Images", "Weights"],
        ["Models", "Loop"],
        ["Encoders"],
        ["Clip", "Diffusion", "PatchQuality"],
        ["Vision", "Adapters", "Pairs"],
        ["Personalization", "PatchEncoders", "Evaluation"],
        ["Training", "DataConstruction"],
        ["Reports"],
    ];

    public static TheoryData<string> Rooms => [.. Floors.SelectMany(f => f)];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_uses_rooms_of_lower_floors_only(string room)
    {
        int floor = Array.FindIndex(Floors, f => f.Contains(room));
        string[] forbidden = [.. Floors[floor..].SelectMany(f => f).Where(r => r != room).Select(r => $"{Root}.{r}")];
        TestResult result = Types.InAssembly(TorchAssembly).That().ResideInNamespace($"{Root}.{room}").ShouldNot().HaveDependencyOnAny(forbidden).GetResult();
        Assert.True(result.IsSuccessful, $"These look up or sideways: {string.Join("; ", result.FailingTypes.Select(t => $"{t.FullName}: {t.Explanation}"))}");
    }

    [Fact]
    public void What_a_room_uses_is_seen()
        => Assert.False(Types.InAssembly(TorchAssembly).That().ResideInNamespace($"{Root}.Training").ShouldNot().HaveDependencyOnAny($"{Root}.Images")
            .GetResult().IsSuccessful);

    [Fact]
    public void Every_folder_is_a_room_on_a_floor()
    {
        string source = Path.Combine(Fixtures.Repository!, "src", Root);
        string[] folders = [.. Directory.GetDirectories(source).Where(d => Directory.EnumerateFiles(d, "*.cs").Any() || Directory.EnumerateDirectories(d)
            .Any(inner => Directory.EnumerateFiles(inner, "*.cs").Any())).Select(d => Path.GetFileName(d)!).Where(d => d is not ("bin" or "obj"))];
        Assert.Equal(Floors.SelectMany(f => f).Order(StringComparer.Ordinal), folders.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("src/PatchDpo.Torch")]
    [InlineData("src/PatchDpo.MLNet")]
    [InlineData("src/PatchDpo.Mpi")]
    [InlineData("tests/PatchDpo.Torch.Tests")]
    [InlineData("tests/PatchDpo.MLNet.Tests")]
    [InlineData("tests/PatchDpo.Mpi.Tests")]
    public void Namespaces_follow_folders(string project)
    {
        string root = Path.Combine(Fixtures.Repository!, project);
        List<string> elsewhere = [];
        foreach (string file in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            string[] parts = Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar);
            if (parts[0] is "bin" or "obj")
                continue;
            string expected = string.Join('.', [Path.GetFileName(project), .. parts[..^1]]);
            if (Regex.Match(File.ReadAllText(file), @"^namespace ([\w.]+);", RegexOptions.Multiline) is { Success: true } found
                && found.Groups[1].Value != expected)
                elsewhere.Add($"{file}: {found.Groups[1].Value}");
        }
        Assert.Empty(elsewhere);
    }

    [Fact]
    public void The_models_and_the_method_know_nothing_of_ML_NET()
    {
        string[] references = [.. TorchAssembly.GetReferencedAssemblies().Select(a => a.Name!)
            .Where(n => n.StartsWith("Microsoft.ML", StringComparison.Ordinal))];
        Assert.Equal(["Microsoft.ML.Tokenizers"], references);
    }
}
