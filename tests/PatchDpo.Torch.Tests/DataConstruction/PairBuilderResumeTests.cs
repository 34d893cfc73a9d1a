using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.DataConstruction;

/// <summary>A build that was stopped goes on; what it finds damaged or changed it names.</summary>
public sealed class PairBuilderResumeTests : PairBuilds
{
    [Fact]
    public void A_cancelled_build_goes_on_where_it_stopped_and_gives_the_same_bytes()
    {
        string whole = Folder.File("whole");
        var uninterrupted = new Painter();
        Build(whole, uninterrupted);
        SortedDictionary<string, string> expected = FolderContent.Of(whole);
        Assert.Equal(10, uninterrupted.Steps);

        for (int n = 1; n <= uninterrupted.Steps; n++)
        {
            string folder = Folder.File($"cancelled{n}");
            using var source = new CancellationTokenSource();
            var first = new Painter { AfterStep = step => { if (step == n) source.Cancel(); } };
            Assert.Throws<OperationCanceledException>(() => Build(folder, first, cancellationToken: source.Token));
            Assert.Equal(n, first.Steps);
            Assert.False(File.Exists(Path.Combine(folder, "manifest.json")));
            Assert.Equal("manifest.partial.jsonl", Assert.Throws<PairFolderException>(() => PairFolder.Open(folder)).Place);

            var second = new Painter();
            PairBuildSummary summary = Build(folder, second);
            Assert.Equal(uninterrupted.Painted, first.Painted.Concat(second.Painted));
            Assert.Equal(first.Painted.Count, summary.ReusedCandidates + summary.ReusedPairs);
            Assert.Equal(expected, FolderContent.Of(folder));
        }
    }

    [Fact]
    public void A_second_build_of_the_same_folder_is_refused_and_leaves_the_first_alone()
    {
        string whole = Folder.File("whole"), folder = Folder.File("shared");
        Build(whole, new Painter());
        var second = new Painter();
        var told = new List<string>();
        Build(folder, new Painter { AfterStep = _ => told.Add(Assert.Throws<IOException>(() => Build(folder, second)).Message) });
        Assert.All(told, m => Assert.StartsWith($"Another process builds the data set in '{folder}'", m, StringComparison.Ordinal));
        Assert.NotEmpty(told);
        Assert.Equal(0, second.Steps);
        Assert.Equal(FolderContent.Of(whole), FolderContent.Of(folder));
        Assert.Equal(10, Build(folder, second).ReusedPairs);
    }

    [Fact]
    public void A_build_killed_while_it_wrote_goes_on_and_gives_the_same_bytes()
    {
        string whole = Folder.File("whole"), stopped = Folder.File("stopped");
        Build(whole, new Painter());
        SortedDictionary<string, string> expected = FolderContent.Of(whole);
        // As far as it gets without its last group, whose files are then there but not recorded.
        Assert.Throws<IOException>(() => Build(stopped, new Painter { AfterStep = step => { if (step == 9) throw new IOException("killed"); } }));
        long length = new FileInfo(Path.Combine(stopped, "manifest.partial.jsonl")).Length;
        IEnumerable<long> cuts = Enumerable.Range(0, 24).Select(i => length * i / 24).Concat([length - 1, length]);

        foreach (long cut in cuts)
        {
            string folder = Folder.File($"killed{cut}");
            FolderContent.Copy(stopped, folder);
            using (FileStream journal = File.OpenWrite(Path.Combine(folder, "manifest.partial.jsonl")))
                journal.SetLength(cut);
            File.WriteAllText(Path.Combine(folder, "pairs", "sample0", "a ball_gen_0.png.x1.tmp"), "half");
            File.WriteAllText(Path.Combine(folder, "manifest.json.x1.tmp"), "half");
            File.WriteAllText(Path.Combine(folder, "notes.tmp"), "the user's");
            PairBuildSummary summary = Build(folder, new Painter());
            Assert.Equal(cut == length, summary.ReusedPairs == 8);
            Assert.Equal("the user's", File.ReadAllText(Path.Combine(folder, "notes.tmp")));
            File.Delete(Path.Combine(folder, "notes.tmp"));
            Assert.Equal(expected, FolderContent.Of(folder));
        }
    }

    [Theory]
    [InlineData(ImageFormat.Tiff)]
    [InlineData(ImageFormat.Tga)]
    [InlineData(ImageFormat.Ppm)]
    public void A_stopped_build_in_another_format_goes_on_in_it_and_gives_the_same_bytes(ImageFormat format)
    {
        string whole = Folder.File("whole"), stopped = Folder.File("stopped"), stray = Path.Combine(stopped, "pairs", $"sample0{format.Ending()}");
        Build(whole, new Painter(), Options(format: format));
        Assert.Throws<IOException>(() => Build(stopped, new Painter { AfterStep = s => { if (s == 9) throw new IOException("killed"); } },
            Options(format: format)));
        // What a killed run had written and not yet recorded.
        File.WriteAllText(stray, "not recorded");
        PairBuildSummary summary = Build(stopped, new Painter(), Options(format: format));
        Assert.Equal((8, 8), (summary.ReusedCandidates, summary.ReusedPairs));
        Assert.Equal(FolderContent.Of(whole), FolderContent.Of(stopped));
    }

    [Fact]
    public void A_finished_build_makes_nothing_again()
    {
        string folder = Folder.File("data");
        Build(folder, new Painter());
        SortedDictionary<string, string> before = FolderContent.Of(folder);
        // A run that was killed between writing the manifest and removing the journal.
        File.WriteAllText(Path.Combine(folder, "manifest.partial.jsonl"), "{}");
        var painter = new Painter();
        PairBuildSummary summary = Build(folder, painter);
        Assert.Equal(0, painter.Steps);
        Assert.Equal((8, 10), (summary.ReusedCandidates, summary.ReusedPairs));
        Assert.Equal(before, FolderContent.Of(folder));
    }

    [Fact]
    public void Another_option_prompt_or_model_is_named_and_changes_nothing()
    {
        string finished = Folder.File("finished"), begun = Folder.File("begun");
        Build(finished, new Painter());
        Assert.Throws<IOException>(() => Build(begun, new Painter { AfterStep = _ => throw new IOException("killed") }));
        foreach (string folder in new[] { finished, begun })
        {
            SortedDictionary<string, string> before = FolderContent.Of(folder);
            Refuses("References: 5, now 6", Options(references: 6));
            Refuses("Generation.Steps: 2, now 3", Options(steps: 3));
            Refuses("Generation.AdapterScale: none, now 0.5", Options(adapterScale: 0.5));
            Refuses("ImageFormat: Png, now Tiff", Options(format: ImageFormat.Tiff));
            Refuses("Filter.MinForeground: 0.05, now 0.1", Options(filter: new() { MinForeground = 0.1 }));
            Refuses("Prompts: 3 of SHA-256", prompts: ["a ball", "a coin", "a disc"]);
            Refuses("SHA-256 of generator unet.safetensors: 00, now 11", sha256: "11");
            Assert.Equal(before, FolderContent.Of(folder));

            void Refuses(string change, PairBuilderOptions? options = null, string[]? prompts = null, string sha256 = "00")
            {
                var painter = new Painter();
                PairFolderMismatchException e = Assert.Throws<PairFolderMismatchException>(() => Build(folder, painter, options, prompts, sha256));
                Assert.StartsWith(change, Assert.Single(e.Changes), StringComparison.Ordinal);
                Assert.Contains(change, e.Message, StringComparison.Ordinal);
                Assert.Equal((folder, 0), (e.Folder, painter.Steps));
            }
        }
    }

    [Fact]
    public void A_recorded_file_that_is_gone_or_another_is_named()
    {
        foreach (int stop in new[] { 9, int.MaxValue })
        {
            string folder = Folder.File($"data{stop}");
            if (stop == int.MaxValue)
                Build(folder, new Painter());
            else
                Assert.Throws<IOException>(() => Build(folder, new Painter { AfterStep = step => { if (step == stop) throw new IOException("killed"); } }));
            foreach (string file in new[] { "pairs/sample1/a ball_entity_0.png", "pairs/sample1/a ball_gen_1.png",
                "rejected/00004 a ball (BackgroundNotPlain).png" })
            {
                byte[] bytes = File.ReadAllBytes(Path.Combine(folder, file));
                File.WriteAllBytes(Path.Combine(folder, file), [.. bytes, 0]);
                Refuses(file, "SHA-256");
                File.Delete(Path.Combine(folder, file));
                Refuses(file, "missing");
                File.WriteAllBytes(Path.Combine(folder, file), bytes);
            }
            Build(folder, new Painter());

            void Refuses(string file, string problem)
            {
                PairFolderException e = Assert.Throws<PairFolderException>(() => Build(folder, new Painter()));
                Assert.Equal(file, e.Place);
                Assert.Contains(problem, e.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void A_damaged_journal_is_named_by_its_line()
    {
        string folder = Folder.File("data");
        Assert.Throws<IOException>(() => Build(folder, new Painter { AfterStep = step => { if (step == 9) throw new IOException("killed"); } }));
        string path = Path.Combine(folder, "manifest.partial.jsonl");
        string[] lines = File.ReadAllLines(path);
        Refuses("line 1", [lines[1], .. lines[1..]]);
        Refuses("line 2", [lines[0], lines[0]]);
        Refuses("line 2", [lines[0], "[]"]);
        Refuses("line 3", [lines[0], lines[1], lines[2].Replace("\"sha256\"", "\"sha\"", StringComparison.Ordinal)]);
        Refuses("line 4", [.. lines[..3], lines[3].Replace("\"height\":4", "\"height\":5", StringComparison.Ordinal)]);
        File.WriteAllLines(path, lines);
        File.AppendAllBytes(path, [0xFF, (byte)'\n']);
        AssertRefused(null);

        void Refuses(string place, string[] changed)
        {
            File.WriteAllLines(path, changed);
            AssertRefused(place);
        }

        void AssertRefused(string? place)
        {
            PairFolderException e = Assert.Throws<PairFolderException>(() => Build(folder, new Painter()));
            Assert.Equal((path, place), (e.Path, e.Place));
        }
    }
}
