using System.Text.Json;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Diffusion.IpAdapter;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.PatchQuality;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Tests.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.DataConstruction;

public sealed class PairBuilderTests(TinyModelFixture tiny) : IClassFixture<TinyModelFixture>, IDisposable
{
    private const int References = 5, Generations = 2, Batch = 4, Steps = 2;

    private static readonly string[] s_prompts = ["a disc: red/green", "a ball", "a_coin"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_build_writes_the_official_layout_the_rejected_pictures_and_a_manifest()
    {
        string folder = _folder.File("data");
        var painter = new Painter();
        PairBuildSummary summary = Build(folder, painter);

        // Candidates 0 to 11: 4 and 9 are noise, 5 is empty, 6 repeats 0, and 8, 10 and 11 come after the fifth reference.
        string[] expected =
        [
            "manifest.json", "maps.safetensors", "pairs/patch_quality.pkl",
            "rejected/00004 a ball (BackgroundNotPlain).png", "rejected/00005 a-coin (ObjectTooSmall).png", "rejected/00006 a disc- red-green (NearDuplicate).png",
            .. new[] { "a disc- red-green", "a ball", "a-coin", "a disc- red-green", "a ball" }.SelectMany((name, k) =>
                new[] { $"pairs/sample{k}/{name}_entity_0.png", $"pairs/sample{k}/{name}_gen_0.png", $"pairs/sample{k}/{name}_gen_1.png" }),
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), FolderContent.Of(folder).Keys);
        Assert.Equal((5, 10, 8), (summary.References, summary.Pairs, summary.Candidates));
        Assert.Equal((0, 0), (summary.ReusedCandidates, summary.ReusedPairs));
        Assert.Equal(3, summary.Rejected.Count);

        // No two images start from the same noise.
        Assert.Equal(painter.Painted.Count, painter.Painted.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, 8).Select(i => (long)i).Concat(new[] { 0, 1, 2, 3, 7 }.SelectMany(c => new[] { -1L - (2 * c), -2 - (2 * c) })), painter.Painted);

        JsonElement manifest = Json(folder);
        JsonElement duplicate = manifest.GetProperty("candidates")[6];
        Assert.Equal(("NearDuplicate", 0, 6), (duplicate.GetProperty("rejection").GetString(), duplicate.GetProperty("mostSimilarSample").GetInt32(), duplicate.GetProperty("noiseIndex").GetInt32()));
        Assert.Equal("a disc: red/green", manifest.GetProperty("samples")[0].GetProperty("prompt").GetString());
        Assert.Equal(-16, manifest.GetProperty("samples")[4].GetProperty("generated")[1].GetProperty("noiseIndex").GetInt32());
        JsonElement settings = manifest.GetProperty("header").GetProperty("settings");
        Assert.Equal("7", settings.GetProperty("Generation.Seed").GetString());
        Assert.Equal("0.98", settings.GetProperty("Filter.MaxSimilarity").GetString());
        Assert.Equal("unet.safetensors", manifest.GetProperty("header").GetProperty("models")[0].GetProperty("files")[0].GetProperty("file").GetString());
    }

    [Fact]
    public void What_is_built_is_read_back()
    {
        string folder = _folder.File("data");
        Build(folder, new Painter());
        PairFolder ours = PairFolder.Open(folder, verifyHashes: true), official = PairFolder.Open(Path.Combine(folder, "pairs"));
        Assert.Equal([.. Enumerable.Range(0, 5).SelectMany(k => new[] { (k, 0), (k, 1) })], ours.Pairs.Select(p => (p.Sample, p.Index)));
        Assert.Equal("a disc: red/green", ours.Pairs[0].Prompt);
        Assert.Equal("a disc- red-green", official.Pairs[0].Prompt);
        Assert.Equal(ours.Pairs.Select(p => p.GeneratedPath), official.Pairs.Select(p => p.GeneratedPath));

        // Ours are the maps as the estimator gives them; the official ones are weights on the latents' grid.
        var pairs = ours.Read().ToList();
        Assert.Same(pairs[0].Reference, pairs[1].Reference);
        Assert.NotSame(pairs[1].Reference, pairs[2].Reference);
        IReadOnlyList<PatchQualityResult> quality = new PatchQualityEstimator(new PixelEncoder(32, 8)).Score([.. pairs.Select(p => p.Generated)], [.. pairs.Select(p => p.Reference)]);
        for (int i = 0; i < pairs.Count; i++)
        {
            AssertClose(quality[i].Generated, pairs[i].GeneratedQuality);
            AssertClose(quality[i].Reference, pairs[i].ReferenceQuality);
            AssertClose(new WeightMapping(0, 1, 1).Apply(quality[i].Generated).Resize(2, 2), official.Pairs[i].GeneratedQuality);
            AssertClose(new WeightMapping(0, 1, 1).Apply(quality[i].Reference).Resize(2, 2), official.Pairs[i].ReferenceQuality);
        }
    }

    [SkippableFact]
    public void A_reader_with_the_official_rules_finds_every_pair()
    {
        // The rules: whatever does not end in .pkl is a sample, and the prompt is what any file's name has before its first underscore.
        const string Script = """
            import os, pickle, sys
            import numpy
            from PIL import Image
            root, count = sys.argv[1], int(sys.argv[2])
            with open(os.path.join(root, "patch_quality.pkl"), "rb") as file:
                maps = pickle.load(file)
            for k in range(sum(not name.endswith(".pkl") for name in os.listdir(root))):
                folder = os.path.join(root, f"sample{k}")
                prompt = os.listdir(folder)[-1].split("_")[0]
                for i in range(count):
                    sizes = [Image.open(os.path.join(folder, prompt + end)).convert("RGB").size for end in ("_entity_0.png", f"_gen_{i}.png")]
                    target, generated = maps[k][i]["target_map"], maps[k][i]["gene_map"]
                    assert target.dtype == generated.dtype == numpy.float32
                    print(k, i, sizes, target.shape, generated.shape, f"{target.sum():.4f} {generated.sum():.4f}", prompt)
            """;
        string folder = _folder.File("data");
        Build(folder, new Painter());
        string pairs = Path.Combine(folder, "pairs");
        Assert.Equal(
            PairFolder.Open(pairs).Pairs.Select(p => FormattableString.Invariant(
                $"{p.Sample} {p.Index} [(32, 32), (32, 32)] (2, 2) (2, 2) {p.ReferenceQuality.Values.Sum():F4} {p.GeneratedQuality.Values.Sum():F4} {p.Prompt}")),
            Python.RunOrSkip(Script, pairs, $"{Generations}"));
    }

    [Fact]
    public void A_cancelled_build_goes_on_where_it_stopped_and_gives_the_same_bytes()
    {
        string whole = _folder.File("whole");
        var uninterrupted = new Painter();
        Build(whole, uninterrupted);
        SortedDictionary<string, string> expected = FolderContent.Of(whole);
        Assert.Equal(10, uninterrupted.Steps);

        for (int n = 1; n <= uninterrupted.Steps; n++)
        {
            string folder = _folder.File($"cancelled{n}");
            using var source = new CancellationTokenSource();
            var first = new Painter { AfterStep = step => { if (step == n) source.Cancel(); } };
            Assert.Throws<OperationCanceledException>(() => Build(folder, first, cancellation: source.Token));
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
    public void A_build_killed_while_it_wrote_goes_on_and_gives_the_same_bytes()
    {
        string whole = _folder.File("whole"), stopped = _folder.File("stopped");
        Build(whole, new Painter());
        SortedDictionary<string, string> expected = FolderContent.Of(whole);
        // As far as it gets without its last group, whose files are then there but not recorded.
        Assert.Throws<IOException>(() => Build(stopped, new Painter { AfterStep = step => { if (step == 9) throw new IOException("killed"); } }));
        long length = new FileInfo(Path.Combine(stopped, "manifest.partial.jsonl")).Length;
        var cuts = Enumerable.Range(0, 24).Select(i => length * i / 24).Concat([length - 1, length]);

        foreach (long cut in cuts)
        {
            string folder = _folder.File($"killed{cut}");
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

    [Fact]
    public void A_finished_build_makes_nothing_again()
    {
        string folder = _folder.File("data");
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
        string finished = _folder.File("finished"), begun = _folder.File("begun");
        Build(finished, new Painter());
        Assert.Throws<IOException>(() => Build(begun, new Painter { AfterStep = _ => throw new IOException("killed") }));
        foreach (string folder in new[] { finished, begun })
        {
            SortedDictionary<string, string> before = FolderContent.Of(folder);
            Refuses("References: 5, now 6", Options(references: 6));
            Refuses("Generation.Steps: 2, now 3", Options(steps: 3));
            Refuses("Generation.AdapterScale: none, now 0.5", Options(adapterScale: 0.5));
            Refuses("Filter.MinForeground: 0.05, now 0.1", Options(filter: new() { MinForeground = 0.1 }));
            Refuses("Prompts: 3 of SHA-256", prompts: ["a ball", "a coin", "a disc"]);
            Refuses("SHA-256 of generator unet.safetensors: 00, now 11", sha256: "11");
            Assert.Equal(before, FolderContent.Of(folder));

            void Refuses(string change, PairBuilderOptions? options = null, string[]? prompts = null, string sha256 = "00")
            {
                var painter = new Painter();
                var e = Assert.Throws<PairFolderMismatchException>(() => Build(folder, painter, options, prompts, sha256));
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
            string folder = _folder.File($"data{stop}");
            if (stop == int.MaxValue)
                Build(folder, new Painter());
            else
                Assert.Throws<IOException>(() => Build(folder, new Painter { AfterStep = step => { if (step == stop) throw new IOException("killed"); } }));
            foreach (string file in new[] { "pairs/sample1/a ball_entity_0.png", "pairs/sample1/a ball_gen_1.png", "rejected/00004 a ball (BackgroundNotPlain).png" })
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
                var e = Assert.Throws<PairFolderException>(() => Build(folder, new Painter()));
                Assert.Equal(file, e.Place);
                Assert.Contains(problem, e.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void A_damaged_journal_is_named_by_its_line()
    {
        string folder = _folder.File("data");
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
            var e = Assert.Throws<PairFolderException>(() => Build(folder, new Painter()));
            Assert.Equal((path, place), (e.Path, e.Place));
        }
    }

    [Fact]
    public void A_folder_of_something_else_is_left_alone()
    {
        string folder = _folder.File("data");
        Directory.CreateDirectory(Path.Combine(folder, "pairs"));
        File.WriteAllText(Path.Combine(folder, "pairs", "mine.png"), "mine");
        var e = Assert.Throws<PairFolderException>(() => Build(folder, new Painter()));
        Assert.Contains("Choose an empty folder", e.Message, StringComparison.Ordinal);
        Assert.Equal(["pairs/mine.png"], FolderContent.Of(folder).Keys);
    }

    [Fact]
    public void Only_one_process_builds_a_folder()
    {
        string folder = _folder.File("data");
        bool refused = false;
        Build(folder, new Painter { AfterStep = step => { if (step == 3) refused = Record.Exception(() => Build(folder, new Painter())) is IOException; } });
        Assert.True(refused);
    }

    [Fact]
    public void Too_few_references_are_told_with_the_reasons_and_a_higher_limit_goes_on()
    {
        string folder = _folder.File("data");
        PairBuilderOptions Limited(int? most) => new() { References = 5, ReferenceGeneration = Fast(), Generation = Fast(), Filter = new() { MaxForeground = 0.18 }, MaxCandidates = most };
        var first = new Painter();
        var e = Assert.Throws<TooFewReferencesException>(() => Build(folder, first, Limited(10)));
        Assert.Equal(12, e.Candidates);
        Assert.Equal(12, e.References + e.Rejected.Values.Sum());
        Assert.InRange(e.References, 1, 4);
        Assert.Contains("BackgroundNotPlain: 2", e.Message, StringComparison.Ordinal);
        var second = new Painter();
        Assert.Equal(12, Build(folder, second, Limited(null)).ReusedCandidates);
        Assert.Equal(12, second.Painted[0]);
    }

    [Fact]
    public void Progress_counts_what_was_reused_apart()
    {
        string folder = _folder.File("data");
        Assert.Throws<IOException>(() => Build(folder, new Painter { AfterStep = step => { if (step == 7) throw new IOException("killed"); } }));
        var reports = new List<PairBuildProgress>();
        Build(folder, new Painter(), progress: new Recorder<PairBuildProgress>(reports.Add));
        Assert.Equal(new PairBuildProgress(PairBuildStage.References, 5, 5, 5, 3, null), reports[0]);
        Assert.Equal(new PairBuildProgress(PairBuildStage.Pairs, 4, 10, 4, 3, null), reports[1]);
        Assert.Equal(new PairBuildProgress(PairBuildStage.Pairs, 4, 10, 4, 3, new GenerationProgress(0, 4, 1, 2)), reports[2]);
        Assert.Equal(new PairBuildProgress(PairBuildStage.Pairs, 10, 10, 4, 3, null), reports[^1]);
    }

    [Fact]
    public void A_mask_gives_plain_backgrounds_quality_one_on_both_sides()
    {
        string folder = _folder.File("data");
        Build(folder, new Painter(), new() { References = 2, ReferenceGeneration = Fast(), Generation = Fast(), MaskPlainBackground = true });
        PairFolder pairs = PairFolder.Open(folder);
        foreach (PairEntry pair in pairs.Pairs)
        {
            Assert.Equal((1f, 1f), (pair.ReferenceQuality[0, 0], pair.GeneratedQuality[0, 0]));
            Assert.True(pair.ReferenceQuality.Values.Min() < 0.99f && pair.GeneratedQuality.Values.Min() < 0.99f);
        }
        // A generated image in a scene counts as a whole.
        string scenes = _folder.File("scenes");
        Build(scenes, new Painter { Scenes = true }, new() { References = 2, ReferenceGeneration = Fast(), Generation = Fast(), MaskPlainBackground = true });
        Assert.All(PairFolder.Open(scenes).Pairs, p => Assert.True(p.ReferenceQuality[0, 0] == 1 && p.GeneratedQuality[0, 0] < 0.99f));
    }

    [Fact]
    public void The_pickle_can_hold_sharper_weights()
    {
        string folder = _folder.File("data");
        var weights = new WeightMapOptions { Kind = WeightMapKind.MinMax, Contrast = 3 };
        Build(folder, new Painter(), new() { References = 3, ReferenceGeneration = Fast(), Generation = Fast(), PickleWeights = weights });
        PairFolder ours = PairFolder.Open(folder), official = PairFolder.Open(Path.Combine(folder, "pairs"));
        WeightMapping mapping = WeightMapping.Fit(ours.Pairs.SelectMany(p => new[] { p.ReferenceQuality, p.GeneratedQuality }), weights);
        for (int i = 0; i < 3; i++)
            AssertClose(mapping.Apply(ours.Pairs[i].GeneratedQuality).Resize(2, 2), official.Pairs[i].GeneratedQuality);
    }

    [Fact]
    public void Bad_arguments_are_refused_before_anything_is_written()
    {
        string folder = _folder.File("data");
        Assert.Throws<ArgumentException>(() => Build(folder, new Painter(), prompts: []));
        Assert.Contains("Prompt 1 is empty", Assert.Throws<ArgumentException>(() => Build(folder, new Painter(), prompts: ["a", " "])).Message, StringComparison.Ordinal);
        Assert.Equal(1, Assert.Throws<PromptTooLongException>(() => Build(folder, new Painter(), prompts: ["a", new string('x', 2001)])).PromptIndex);
        Assert.Throws<ArgumentException>(() => new PairBuilder(tiny.Model, new PixelEncoder(32, 8), new() { Filter = new() { MinClipT = 0.2 } }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PairBuilderOptions { References = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PairBuilderOptions { GenerationsPerReference = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PairBuilderOptions { MaxCandidates = 0 });
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void A_real_model_is_continued_to_the_same_bytes_and_known_by_its_weights()
    {
        string whole = _folder.File("whole"), folder = _folder.File("cancelled");
        Run(whole, default);
        using (var source = new CancellationTokenSource())
        {
            int steps = 0;
            var stop = new Recorder<PairBuildProgress>(p => { if (p.Generation is not null && ++steps == 7) source.Cancel(); });
            Assert.Throws<OperationCanceledException>(() => Run(folder, source.Token, stop));
        }
        Assert.Equal(4, Run(folder, default).ReusedCandidates);
        Assert.Equal(FolderContent.Of(whole), FolderContent.Of(folder));

        JsonElement model = Json(folder).GetProperty("header").GetProperty("models")[0];
        Assert.Contains(model.GetProperty("files").EnumerateArray(), m => m.GetProperty("file").GetString() == "unet/diffusion_pytorch_model.safetensors");
        double scale = tiny.Model.AdapterScale;
        tiny.Model.AdapterScale = 0.5;
        Assert.StartsWith("generator AdapterScale: 1, now 0.5", Assert.Single(Assert.Throws<PairFolderMismatchException>(() => Run(folder, default)).Changes), StringComparison.Ordinal);
        tiny.Model.AdapterScale = scale;
        using (PersonalizedModel half = PersonalizedModel.Load(tiny.Model.FolderPath, dtype: ScalarType.BFloat16))
            Assert.Equal("generator DType: Float32, now BFloat16", Assert.Single(Assert.Throws<PairFolderMismatchException>(() => Run(folder, default, other: half)).Changes));
        IpAdapterLayers layers = tiny.Model.AdapterLayers.Clone();
        using (no_grad())
            layers.parameters().First().add_(1e-3);
        using PersonalizedModel trained = tiny.Model.WithAdapterLayers(layers);
        var e = Assert.Throws<PairFolderMismatchException>(() => Run(folder, default, other: trained));
        Assert.StartsWith("SHA-256 of generator adapter layers in memory", Assert.Single(e.Changes), StringComparison.Ordinal);

        PairBuildSummary Run(string path, CancellationToken cancellation, IProgress<PairBuildProgress>? progress = null, PersonalizedModel? other = null)
            => new PairBuilder(other ?? tiny.Model, new PixelEncoder(32, 8), new()
            {
                References = 4,
                ReferenceGeneration = new() { Steps = 3 },
                Generation = new() { Steps = 3, BatchSize = 2 },
                Filter = new() { MinPlainBorder = 0, MinForeground = 0, MaxForeground = 1, MaxSimilarity = null },
            }).Build(["a cat", "a dog"], path, progress, cancellation);
    }

    [Fact]
    public void Building_leaks_nothing()
    {
        int run = 0;
        LeakCheck.Run(() => Build(_folder.File($"data{run++}"), new Painter()));
    }

    private static PairBuildSummary Build(
        string folder, Painter painter, PairBuilderOptions? options = null, string[]? prompts = null, string sha256 = "00",
        IProgress<PairBuildProgress>? progress = null, CancellationToken cancellation = default)
    {
        var identity = new ModelIdentity("generator", [new ModelFile("unet.safetensors", sha256)], new Dictionary<string, string>());
        return new PairBuilder(painter.Generate, () => [identity], latentGrid: 2, new PixelEncoder(32, 8), options ?? Options(), null)
            .Build(prompts ?? s_prompts, folder, progress, cancellation);
    }

    private static PairBuilderOptions Options(int references = References, int steps = Steps, double? adapterScale = null, ReferenceFilterOptions? filter = null) => new()
    {
        References = references,
        GenerationsPerReference = Generations,
        ReferenceGeneration = Fast(),
        Generation = new() { Steps = steps, BatchSize = Batch, Seed = 7, AdapterScale = adapterScale },
        Filter = filter ?? new(),
    };

    private static GenerationOptions Fast() => new() { Steps = Steps, BatchSize = Batch };

    private static JsonElement Json(string folder)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        return document.RootElement.Clone();
    }

    private static void AssertClose(QualityMap expected, QualityMap actual)
    {
        Assert.Equal((expected.Height, expected.Width), (actual.Height, actual.Width));
        Assert.All(expected.Values.Zip(actual.Values), v => Assert.Equal(v.First, v.Second, 1e-5f));
    }
}
