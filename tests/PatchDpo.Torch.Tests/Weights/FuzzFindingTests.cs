namespace PatchDpo.Torch.Tests.Weights;

/// <summary>Files that readers once took badly, given to them again within the fuzzer's limits: documented exceptions, one second, memory, no leak.</summary>
public sealed class FuzzFindingTests
{
    // The repository's own, also where the golden fixtures are taken from another folder.
    private static readonly string Folder = Path.Combine(Fixtures.Repository!, "tests", "fixtures", "fuzz");

    private static readonly Lazy<(int ExitCode, string[] Lines)> Replay = new(() =>
    {
        (int exitCode, string output, string errors) = ChildProcess.Finish(ChildProcess.StartAssembly("PatchDpo.Fuzz.dll", ["--replay", Folder]));
        return (exitCode, [.. (output + errors).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)]);
    });

    /// <summary>Each file with what the folder's README says of it.</summary>
    public static TheoryData<string, string> Files
    {
        get
        {
            TheoryData<string, string> files = [];
            foreach (string[] cells in File.ReadLines(Path.Combine(Folder, "README.md")).Where(l => l.StartsWith("| `", StringComparison.Ordinal))
                .Select(l => l.Split('|', StringSplitOptions.TrimEntries)))
                files.Add(cells[1].Trim('`'), cells[2]);
            return files;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_finding_is_taken_as_its_table_says(string file, string outcome)
    {
        Assert.InRange(new FileInfo(Path.Combine(Folder, file)).Length, 1, 4096);
        string[] lines = [.. Replay.Value.Lines.Where(l => l.StartsWith(file + ",", StringComparison.Ordinal))];
        Assert.NotEmpty(lines);
        Assert.All(lines, l => Assert.EndsWith($": {outcome}", l));
    }

    [Fact]
    public void Every_file_has_its_line_and_none_is_a_finding_any_more()
    {
        Assert.True(Replay.Value.ExitCode == 0, string.Join('\n', Replay.Value.Lines));
        Assert.Equal(
            Directory.EnumerateFiles(Folder).Select(f => Path.GetFileName(f)!).Where(n => n != "README.md").Order(StringComparer.Ordinal),
            Files.Select(row => (string)row[0]).Order(StringComparer.Ordinal));
    }
}
