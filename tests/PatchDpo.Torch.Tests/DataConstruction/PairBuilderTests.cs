using System.Text.Json;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.PatchEncoders;
using PatchDpo.Torch.Tests.Personalization;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.DataConstruction;

public sealed class PairBuilderTests(TinyModelFixture tiny) : PairBuilds, IClassFixture<TinyModelFixture>
{
    [Fact]
    public void A_build_writes_the_official_layout_the_rejected_pictures_and_a_manifest()
    {
        string folder = Folder.File("data");
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
        Assert.Equal(Enumerable.Range(0, 8).Select(i => (long)i).Concat(new[] { 0, 1, 2, 3, 7 }.SelectMany(c => new[] { -1L - (2 * c), -2 - (2 * c) })),
            painter.Painted);

        JsonElement manifest = Json(folder);
        JsonElement duplicate = manifest.GetProperty("candidates")[6];
        Assert.Equal(("NearDuplicate", 0, 6), (duplicate.GetProperty("rejection").GetString(), duplicate.GetProperty("mostSimilarSample").GetInt32(),
            duplicate.GetProperty("noiseIndex").GetInt32()));
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
        string folder = Folder.File("data");
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
        IReadOnlyList<PatchQualityResult> quality = new PatchQualityEstimator(new PixelEncoder(32, 8))
            .Score([.. pairs.Select(p => p.Generated)], [.. pairs.Select(p => p.Reference)]);
        for (int i = 0; i < pairs.Count; i++)
        {
            AssertClose(quality[i].Generated, pairs[i].GeneratedQuality);
            AssertClose(quality[i].Reference, pairs[i].ReferenceQuality);
            AssertClose(new WeightMapping(0, 1, 1).Apply(quality[i].Generated).Resize(2, 2), official.Pairs[i].GeneratedQuality);
            AssertClose(new WeightMapping(0, 1, 1).Apply(quality[i].Reference).Resize(2, 2), official.Pairs[i].ReferenceQuality);
        }
    }

    [Fact]
    public void Views_of_references_are_part_of_a_data_sets_identity_where_there_are_any()
    {
        string plain = Folder.File("plain"), viewed = Folder.File("viewed");
        Build(plain, new Painter());
        // Data sets that were built before there were views have no such setting.
        Assert.DoesNotContain(Settings(plain), s => s.Name.StartsWith("ReferenceViews", StringComparison.Ordinal));
        PairBuilderOptions views = new()
        {
            References = 5, GenerationsPerReference = 2, ReferenceGeneration = Fast(), Generation = new() { Steps = 2, BatchSize = 3, Seed = 7 },
            ReferenceViews = new ReferenceViews { Scales = [0.5], Tilts = [2], Mirrored = true },
        };
        Build(viewed, new Painter(), views);
        Assert.Equal(["ReferenceViews.Mirrored: True", "ReferenceViews.Scales: 0.5", "ReferenceViews.Tilts: 2"],
            Settings(viewed).Where(s => s.Name.StartsWith("ReferenceViews", StringComparison.Ordinal)).Select(s => $"{s.Name}: {s.Value}"));
        Assert.Throws<PairFolderMismatchException>(() => Build(viewed, new Painter()));
        QualityMap[] ofPlain = Maps(plain), ofViewed = Maps(viewed);
        Assert.Contains(ofPlain.Zip(ofViewed), m => !m.First.Values.SequenceEqual(m.Second.Values));

        static JsonProperty[] Settings(string folder) => [.. Json(folder).GetProperty("header").GetProperty("settings").EnumerateObject()];

        static QualityMap[] Maps(string folder) => [.. PairFolder.Open(folder).Read().Select(p => p.GeneratedQuality)];
    }

    [Fact]
    public void Objects_on_plain_backgrounds_are_aligned_and_other_pairs_scored_as_without()
    {
        string plain = Folder.File("plain"), aligned = Folder.File("aligned");
        Build(plain, Scenes(), Masked(null));
        Build(aligned, Scenes(), Masked(new ObjectAlignment { Displacement = 16 }));
        TrainingPair[] without = [.. PairFolder.Open(plain).Read()], with = [.. PairFolder.Open(aligned).Read()];
        IReadOnlyList<PatchQualityResult> expected = new PatchQualityEstimator(new PixelEncoder(32, 8), objectAlignment: new ObjectAlignment { Displacement = 16 })
            .Score(Evens(with, p => p.Generated), Evens(with, p => p.Reference), Evens(with, p => MaskOf(p.Reference)), Evens(with, p => MaskOf(p.Generated)));
        for (int i = 0; i < with.Length; i++)
        {
            AssertClose(i % 2 == 0 ? expected[i / 2].Generated : without[i].GeneratedQuality, with[i].GeneratedQuality);
            AssertClose(i % 2 == 0 ? expected[i / 2].Reference : without[i].ReferenceQuality, with[i].ReferenceQuality);
        }
        Assert.Contains(Evens(without, p => p.GeneratedQuality).Zip(expected), m => !m.First.Values.SequenceEqual(m.Second.Generated.Values));

        // Data sets that were built before there was alignment have no such setting.
        Assert.DoesNotContain("ObjectAlignment.", Json(plain).GetProperty("header").ToString(), StringComparison.Ordinal);
        Assert.Equal("16", Json(aligned).GetProperty("header").GetProperty("settings").GetProperty("ObjectAlignment.Displacement").GetString());
        Assert.Throws<PairFolderMismatchException>(() => Build(aligned, Scenes(), Masked(new ObjectAlignment())));

        static Painter Scenes() => new() { InScene = noise => noise % 2 == 0 };

        static PairBuilderOptions Masked(ObjectAlignment? alignment) => new()
        {
            References = 3, GenerationsPerReference = 2, ReferenceGeneration = Fast(), Generation = Fast(), MaskPlainBackground = true, ObjectAlignment = alignment,
        };

        static T[] Evens<T>(TrainingPair[] pairs, Func<TrainingPair, T> of) => [.. pairs.Where((_, i) => i % 2 == 0).Select(of)];

        static bool[,]? MaskOf(ImageBuffer image) => ForegroundMask.FromPlainBackground(image);
    }

    [Theory]
    [InlineData(ImageFormat.Tiff)]
    [InlineData(ImageFormat.Tga)]
    [InlineData(ImageFormat.Ppm)]
    public void In_another_format_a_build_has_the_same_pixels_and_nothing_for_the_official_reader(ImageFormat format)
    {
        string png = Folder.File("png"), other = Folder.File("other");
        Build(png, new Painter());
        Build(other, new Painter(), Options(format: format));
        Assert.Equal(
            FolderContent.Of(png).Keys.Where(f => f != "pairs/patch_quality.pkl").Select(f => f.Replace(".png", format.Ending(), StringComparison.Ordinal)),
            FolderContent.Of(other).Keys);
        var expected = PairFolder.Open(png).Read().ToList();
        var pairs = PairFolder.Open(other, verifyHashes: true).Read().ToList();
        Assert.Equal(expected.Select(p => (Pixels(p.Reference), Pixels(p.Generated))), pairs.Select(p => (Pixels(p.Reference), Pixels(p.Generated))));
        Assert.Equal(expected.Select(p => p.GeneratedQuality.Values), pairs.Select(p => p.GeneratedQuality.Values));
        PairFolderException e = Assert.Throws<PairFolderException>(() => PairFolder.Open(Path.Combine(other, "pairs")));
        Assert.Contains("patch_quality.pkl", e.Message, StringComparison.Ordinal);

        static string Pixels(ImageBuffer image) => $"{image.Width} x {image.Height}: {Convert.ToHexString(image.Pixels)}";
    }

    [Fact]
    public void An_unknown_image_format_is_refused_when_it_is_set()
        => Assert.Equal("ImageFormat", Assert.Throws<ArgumentOutOfRangeException>(() => new PairBuilderOptions { ImageFormat = (ImageFormat)9 }).ParamName);

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
        string folder = Folder.File("data");
        Build(folder, new Painter());
        string pairs = Path.Combine(folder, "pairs");
        Assert.Equal(
            PairFolder.Open(pairs).Pairs.Select(p => FormattableString.Invariant(
                $"{p.Sample} {p.Index} [(32, 32), (32, 32)] (2, 2) (2, 2) {p.ReferenceQuality.Values.Sum():F4} {p.GeneratedQuality.Values.Sum():F4} {p.Prompt}")),
            Python.RunOrSkip(Script, pairs, $"{Generations}"));
    }

    [Fact]
    public void AFolder_of_something_else_is_left_alone()
    {
        string folder = Folder.File("data");
        Directory.CreateDirectory(Path.Combine(folder, "pairs"));
        File.WriteAllText(Path.Combine(folder, "pairs", "mine.png"), "mine");
        PairFolderException e = Assert.Throws<PairFolderException>(() => Build(folder, new Painter()));
        Assert.Contains("Choose an empty folder", e.Message, StringComparison.Ordinal);
        Assert.Equal(["pairs/mine.png"], FolderContent.Of(folder).Keys);
    }

    [Fact]
    public void Only_one_process_builds_aFolder()
    {
        string folder = Folder.File("data");
        bool refused = false;
        Build(folder, new Painter { AfterStep = step => { if (step == 3) refused = Record.Exception(() => Build(folder, new Painter())) is IOException; } });
        Assert.True(refused);
    }

    [Fact]
    public void Too_few_references_are_told_with_the_reasons_and_a_higher_limit_goes_on()
    {
        string folder = Folder.File("data");
        PairBuilderOptions Limited(int? most) => new() { References = 5, ReferenceGeneration = Fast(), Generation = Fast(),
            Filter = new() { MaxForeground = 0.18 }, MaxCandidates = most };
        var first = new Painter();
        TooFewReferencesException e = Assert.Throws<TooFewReferencesException>(() => Build(folder, first, Limited(10)));
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
        string folder = Folder.File("data");
        Assert.Throws<IOException>(() => Build(folder, new Painter { AfterStep = step => { if (step == 7) throw new IOException("killed"); } }));
        var reports = new List<PairBuildProgress>();
        Build(folder, new Painter(), progress: new DirectProgress<PairBuildProgress>(reports.Add));
        Assert.Equal(new PairBuildProgress(PairBuildStage.References, 5, 5, 5, 3, null), reports[0]);
        Assert.Equal(new PairBuildProgress(PairBuildStage.Pairs, 4, 10, 4, 3, null), reports[1]);
        Assert.Equal(new PairBuildProgress(PairBuildStage.Pairs, 4, 10, 4, 3, new GenerationProgress(0, 4, 1, 2)), reports[2]);
        Assert.Equal(new PairBuildProgress(PairBuildStage.Pairs, 10, 10, 4, 3, null), reports[^1]);
    }

    [Fact]
    public void A_mask_gives_plain_backgrounds_quality_one_on_both_sides()
    {
        string folder = Folder.File("data");
        Build(folder, new Painter(), new() { References = 2, ReferenceGeneration = Fast(), Generation = Fast(), MaskPlainBackground = true });
        PairFolder pairs = PairFolder.Open(folder);
        foreach (PairEntry pair in pairs.Pairs)
        {
            Assert.Equal((1f, 1f), (pair.ReferenceQuality[0, 0], pair.GeneratedQuality[0, 0]));
            Assert.True(pair.ReferenceQuality.Values.Min() < 0.99f && pair.GeneratedQuality.Values.Min() < 0.99f);
        }
        // A generated image in a scene counts as a whole.
        string scenes = Folder.File("scenes");
        Build(scenes, new Painter { InScene = _ => true }, new() { References = 2, ReferenceGeneration = Fast(), Generation = Fast(), MaskPlainBackground = true });
        Assert.All(PairFolder.Open(scenes).Pairs, p => Assert.True(p.ReferenceQuality[0, 0] == 1 && p.GeneratedQuality[0, 0] < 0.99f));
    }

    [Fact]
    public void The_pickle_can_hold_sharper_weights()
    {
        string folder = Folder.File("data");
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
        string folder = Folder.File("data");
        Assert.Throws<ArgumentException>(() => Build(folder, new Painter(), prompts: []));
        Assert.Contains("Prompt 1 is empty", Assert.Throws<EmptyPromptException>(() => Build(folder, new Painter(), prompts: ["a", " "])).Message,
            StringComparison.Ordinal);
        Assert.Equal(1, Assert.Throws<PromptTooLongException>(() => Build(folder, new Painter(), prompts: ["a", new string('x', 2001)])).PromptIndex);
        Assert.Throws<ArgumentException>(() => new PairBuilder(tiny.Model, new PixelEncoder(32, 8), new() { Filter = new() { MinClipT = 0.2 } }));
        Assert.Contains("MaskPlainBackground", Assert.Throws<ArgumentException>(() => Build(folder, new Painter(), new() { ObjectAlignment = new() })).Message,
            StringComparison.Ordinal);
        Assert.Contains("exclude each other", Assert.Throws<ArgumentException>(() => Build(folder, new Painter(), new()
        {
            ObjectAlignment = new(), MaskPlainBackground = true, ReferenceViews = new() { Mirrored = true },
        })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PairBuilderOptions { References = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PairBuilderOptions { GenerationsPerReference = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new PairBuilderOptions { MaxCandidates = 0 });
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void A_real_model_is_continued_to_the_same_bytes_and_known_by_its_weights()
    {
        string whole = Folder.File("whole"), folder = Folder.File("cancelled");
        Run(whole, default);
        using (var source = new CancellationTokenSource())
        {
            int steps = 0;
            var stop = new DirectProgress<PairBuildProgress>(p => { if (p.Generation is not null && ++steps == 7) source.Cancel(); });
            Assert.Throws<OperationCanceledException>(() => Run(folder, source.Token, stop));
        }
        Assert.Equal(4, Run(folder, default).ReusedCandidates);
        Assert.Equal(FolderContent.Of(whole), FolderContent.Of(folder));

        JsonElement model = Json(folder).GetProperty("header").GetProperty("models")[0];
        Assert.Contains(model.GetProperty("files").EnumerateArray(), m => m.GetProperty("file").GetString() == "unet/diffusion_pytorch_model.safetensors");
        double scale = tiny.Model.AdapterScale;
        tiny.Model.AdapterScale = 0.5;
        Assert.StartsWith("generator AdapterScale: 1, now 0.5", Assert.Single(Assert.Throws<PairFolderMismatchException>(() => Run(folder, default)).Changes),
            StringComparison.Ordinal);
        tiny.Model.AdapterScale = scale;
        using (PersonalizedModel half = PersonalizedModel.Load(tiny.Model.FolderPath, dtype: ScalarType.BFloat16))
            Assert.Equal("generator DType: Float32, now BFloat16", Assert.Single(
                Assert.Throws<PairFolderMismatchException>(() => Run(folder, default, other: half)).Changes));
        AdapterLayers layers = tiny.Model.AdapterLayers.Clone();
        using (no_grad())
            layers.parameters().First().add_(1e-3);
        using PersonalizedModel trained = tiny.Model.WithAdapterLayers(layers);
        PairFolderMismatchException e = Assert.Throws<PairFolderMismatchException>(() => Run(folder, default, other: trained));
        Assert.StartsWith("SHA-256 of generator adapter layers in memory", Assert.Single(e.Changes), StringComparison.Ordinal);

        PairBuildSummary Run(string path, CancellationToken cancellationToken, IProgress<PairBuildProgress>? progress = null, PersonalizedModel? other = null)
            => new PairBuilder(other ?? tiny.Model, new PixelEncoder(32, 8), new()
            {
                References = 4,
                ReferenceGeneration = new() { Steps = 3 },
                Generation = new() { Steps = 3, BatchSize = 2 },
                Filter = new() { MinPlainBorder = 0, MinForeground = 0, MaxForeground = 1, MaxSimilarity = null },
            }).Build(["a cat", "a dog"], path, progress, cancellationToken);
    }

    [Fact]
    public void Building_leaks_nothing()
    {
        int run = 0;
        LeakCheck.Run(() => Build(Folder.File($"data{run++}"), new Painter()));
    }

    private static void AssertClose(QualityMap expected, QualityMap actual)
    {
        Assert.Equal((expected.Height, expected.Width), (actual.Height, actual.Width));
        Assert.All(expected.Values.Zip(actual.Values), v => Assert.Equal(v.First, v.Second, 1e-5f));
    }
}
