using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet.Tests;

/// <summary>What a scoring pipeline reads, prepares and encodes, in which order it gives rows, and where its errors come.</summary>
public sealed class ScoringWorkTests : IClassFixture<TinyModels>, IDisposable
{
    private const int Generations = 20, References = 6, BatchSize = 4;

    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly CountedPictures _encoder = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("patchdpo-work-");

    public ScoringWorkTests(TinyModels models)
    {
        _models = models;
        for (int i = 0; i < Generations; i++)
            ImageFile.SavePng(Path.Combine(_folder.FullName, $"g{i}.png"), Picture(i));
        for (int i = 0; i < References; i++)
            ImageFile.SavePng(Path.Combine(_folder.FullName, $"r{i}.png"), Picture(100 + i));
    }

    public static TheoryData<string> Orders => ["generations", "references", "shuffled"];

    public void Dispose()
    {
        _encoder.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void Many_to_many_reads_prepares_and_encodes_each_picture_once_and_gives_the_slow_paths_bits(string order)
    {
        Pair[] pairs = Pairs(order);
        (IDataView view, PatchQualityScoringTransformer scoring, ImageFileLoadingTransformer[] loading) = Pipeline(pairs);
        using (scoring)
        {
            _encoder.Forget();
            List<object[]> rows = RowReader.Read(view, "Id", "GeneratedQuality", "PatchQualityScore");
            Assert.Equal(Generations + References, _encoder.Encoded);
            Assert.Equal(Generations + References, _encoder.Prepared);
            Assert.Equal((References, Generations), (((ImageFileLoadingMapping)loading[0].Mapping).Decoded, ((ImageFileLoadingMapping)loading[1].Mapping).Decoded));
            // Batches are filled across rows: 26 pictures are hardly more than seven batches of four and the small ones at the start.
            Assert.InRange(_encoder.Batches.Count, 7, 10);
            Assert.Equal(pairs.Select(p => p.Id), rows.Select(r => (int)r[0]));
            foreach ((Pair pair, object[] row) in pairs.Zip(rows))
            {
                PatchQualityResult alone = new PatchQualityEstimator(new PoolingEncoder(), 1).Score([Load(pair.GeneratedPath)], [Load(pair.ReferencePath)])[0];
                Assert.Equal(alone.Generated.Values, (float[])row[1]);
                Assert.Equal(alone.Score, (float)row[2]);
            }
        }
    }

    [Fact]
    public void Another_reading_encodes_nothing_and_reads_no_file_again()
    {
        (IDataView view, PatchQualityScoringTransformer scoring, ImageFileLoadingTransformer[] loading) = Pipeline(Pairs("shuffled"));
        using (scoring)
        {
            float[] first = [.. view.GetColumn<float>("PatchQualityScore")];
            _encoder.Forget();
            Assert.Equal(first, view.GetColumn<float>("PatchQualityScore"));
            Assert.Equal((0, 0), (_encoder.Encoded, _encoder.Prepared));
            Assert.Equal(References, ((ImageFileLoadingMapping)loading[0].Mapping).Decoded);
        }
    }

    [Fact]
    public void Images_that_are_no_files_are_encoded_once_too()
    {
        IDataView rows = _ml.Data.LoadFromEnumerable(Pairs("shuffled").Select(p => new PairRow
        {
            Id = p.Id, Generated = TestImages.Draw(p.Id / References), Reference = TestImages.Draw(200 + (p.Id % References)),
        }).ToArray());
        using PatchQualityScoringTransformer scoring = Scoring().Fit(rows);
        _encoder.Forget();
        Assert.Equal(Generations * References, scoring.Transform(rows).GetColumn<float>("PatchQualityScore").Count());
        Assert.Equal(Generations + References, _encoder.Encoded);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 4)]
    public void The_first_rows_cost_little(int taken, int most)
    {
        Pair[] pairs = [.. Enumerable.Range(0, Generations).Select(i => new Pair { Id = i, GeneratedPath = $"g{i}.png", ReferencePath = "r0.png" })];
        (IDataView view, PatchQualityScoringTransformer scoring, _) = Pipeline(pairs);
        using (scoring)
        {
            _encoder.Forget();
            Assert.Equal(taken, _ml.Data.TakeRows(view, taken).GetColumn<float>("PatchQualityScore").Count());
            Assert.InRange(_encoder.Encoded, taken + 1, most);
            Assert.InRange(_encoder.Prepared, taken + 1, most);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(13)]
    [InlineData(19)]
    public void A_file_that_is_no_image_fails_at_its_own_row_and_spoils_no_other(int spoilt)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, $"g{spoilt}.png"), "no image");
        Pair[] pairs = [.. Enumerable.Range(0, Generations).Select(i => new Pair { Id = i, GeneratedPath = $"g{i}.png", ReferencePath = "r0.png" })];
        (IDataView view, PatchQualityScoringTransformer scoring, _) = Pipeline(pairs);
        using (scoring)
        using (DataViewRowCursor cursor = view.GetRowCursor([view.Schema["PatchQualityScore"]]))
        {
            ValueGetter<float> getter = cursor.GetGetter<float>(view.Schema["PatchQualityScore"]);
            for (int i = 0; i < Generations; i++)
            {
                Assert.True(cursor.MoveNext());
                float score = float.NaN;
                if (i == spoilt)
                {
                    InvalidRowException e = Assert.Throws<InvalidRowException>(() => getter(ref score));
                    Assert.Equal((spoilt, "GeneratedPath"), (e.Row, e.Column));
                }
                else
                {
                    getter(ref score);
                    Assert.InRange(score, -1, 1.001f);
                }
            }
            Assert.False(cursor.MoveNext());
        }
    }

    [Fact]
    public void A_cursor_that_is_disposed_early_stops_its_workers()
    {
        Pair[] pairs = [.. Enumerable.Range(0, Generations).Select(i => new Pair { Id = i, GeneratedPath = $"g{i}.png", ReferencePath = "r0.png" })];
        (IDataView view, PatchQualityScoringTransformer scoring, _) = Pipeline(pairs);
        using (scoring)
        {
            _encoder.Forget();
            using (DataViewRowCursor cursor = view.GetRowCursor([view.Schema["PatchQualityScore"]]))
            {
                ValueGetter<float> getter = cursor.GetGetter<float>(view.Schema["PatchQualityScore"]);
                float score = 0;
                // Behind the small batches at the start, so that workers are ahead.
                for (int i = 0; i < 8; i++)
                {
                    Assert.True(cursor.MoveNext());
                    getter(ref score);
                }
            }
            int prepared = _encoder.Prepared;
            _encoder.OnPrepare = () => Assert.Fail("A worker goes on.");
            Thread.Sleep(50);
            Assert.Equal(prepared, _encoder.Prepared);
        }
    }

    [Fact]
    public void Workers_prepare_the_next_batches_while_one_is_computed()
    {
        Pair[] pairs = [.. Enumerable.Range(0, Generations).Select(i => new Pair { Id = i, GeneratedPath = $"g{i}.png", ReferencePath = "r0.png" })];
        int caller = Environment.CurrentManagedThreadId;
        using ManualResetEventSlim elsewhere = new();
        (IDataView view, PatchQualityScoringTransformer scoring, _) = Pipeline(pairs);
        using (scoring)
        {
            _encoder.Forget();
            _encoder.OnPrepare = () =>
            {
                if (Environment.CurrentManagedThreadId != caller)
                    elsewhere.Set();
            };
            // The third batch is not computed before a worker has prepared something of those behind it.
            _encoder.OnEncode = () => Assert.True(_encoder.Batches.Count != 3 || elsewhere.Wait(TimeSpan.FromMinutes(2)));
            Assert.Equal(Generations, view.GetColumn<float>("PatchQualityScore").Count());
            Assert.Equal(Generations + 1, _encoder.Prepared);
            Assert.True(_encoder.Batches.Count > 3);
        }
    }

    [Fact]
    public void Features_are_kept_in_the_folder_that_the_options_name()
    {
        string features = Path.Combine(_folder.FullName, "features");
        var options = new PatchQualityScoringEstimator.Options { FeatureCache = new() { Folder = features }, BatchSize = BatchSize };
        Pair[] pairs = Pairs("shuffled");
        float[] first = Run();
        string[] files = Files();
        Assert.NotEmpty(files);
        Assert.Equal(first, Run());
        Assert.Equal(files, Files());

        string[] Files() => [.. Directory.GetFiles(features, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

        // The files are there when a view has been read, whether or not the transformer is disposed.
        float[] Run()
        {
            IDataView loaded = Loaded(pairs, out _);
            return [.. _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromFolder(_models.Dino), options).Fit(loaded).Transform(loaded)
                .GetColumn<float>("PatchQualityScore")];
        }
    }

    [Fact]
    public void A_saved_model_computes_in_the_type_that_it_was_made_with()
    {
        IDataView loaded = Loaded(Pairs("references"), out _);
        string path = Path.Combine(_folder.FullName, "model.zip");
        float[] full = Scores(null), half = Scores(TorchSharp.torch.ScalarType.BFloat16);
        Assert.NotEqual(full, half);
        Assert.Equal(full, half, (a, b) => Math.Abs(a - b) < 0.05);
        ITransformer reloaded = _ml.Model.Load(path, out _);
        Assert.Equal(half, reloaded.Transform(loaded).GetColumn<float>("PatchQualityScore"));

        float[] Scores(TorchSharp.torch.ScalarType? dtype)
        {
            using PatchQualityScoringTransformer scoring = _ml.PatchDpo.ScorePatchQuality(
                "Generated", "Reference", ImageEncoder.FromFolder(_models.Dino, new() { DType = dtype })).Fit(loaded);
            _ml.Model.Save(scoring, loaded.Schema, path);
            return [.. scoring.Transform(loaded).GetColumn<float>("PatchQualityScore")];
        }
    }

    [Fact]
    public void Images_that_are_encoded_one_by_one_score_the_same_bits_whatever_is_scored_beside_them()
    {
        Pair[] pairs = Pairs("shuffled");
        Dictionary<int, float> all = Scores(pairs);
        foreach (Pair[] part in pairs.Chunk(29))
            Assert.All(Scores(part), score => Assert.Equal(all[score.Key], score.Value));

        Dictionary<int, float> Scores(Pair[] rows)
        {
            IDataView loaded = Loaded(rows, out _);
            using PatchQualityScoringTransformer scoring = _ml.PatchDpo.ScorePatchQuality(
                ImageEncoder.FromFolder(_models.Dino), new PatchQualityScoringEstimator.Options { EncoderBatchSize = 1 }).Fit(loaded);
            return RowReader.Read(scoring.Transform(loaded), "Id", "PatchQualityScore").ToDictionary(r => (int)r[0], r => (float)r[1]);
        }
    }

    [Fact]
    public void A_heat_map_and_masks_of_plain_backgrounds_come_from_the_same_pictures()
    {
        Pair[] pairs = Pairs("references");
        var options = new PatchQualityScoringEstimator.Options { IgnorePlainBackground = true, HeatMapColumnName = "Map", BatchSize = BatchSize };
        IDataView loaded = Loaded(pairs, out _);
        using PatchQualityScoringTransformer scoring = _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options).Fit(loaded);
        List<object[]> rows = RowReader.Read(scoring.Transform(loaded), "PatchQualityScore", "Map");
        for (int i = 0; i < pairs.Length; i += 11)
        {
            ImageBuffer reference = Load(pairs[i].ReferencePath);
            Assert.Equal(new PatchQualityEstimator(new PoolingEncoder()).Score([Load(pairs[i].GeneratedPath)], [reference],
                [PlainBackground.Of(reference).Object()])[0].Score, (float)rows[i][0]);
        }
        Assert.All(rows, r => Assert.NotNull(r[1]));
    }

    private static ImageBuffer Picture(int seed)
    {
        byte[] pixels = new byte[24 * 24 * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageBuffer(24, 24, 3, pixels);
    }

    private static Pair[] Pairs(string order)
    {
        Pair[] pairs = [.. Enumerable.Range(0, Generations * References).Select(i => new Pair
        {
            Id = i, GeneratedPath = $"g{i / References}.png", ReferencePath = $"r{i % References}.png",
        })];
        if (order == "references")
            return [.. pairs.OrderBy(p => p.ReferencePath, StringComparer.Ordinal)];
        if (order == "shuffled")
            new Random(3).Shuffle(pairs);
        return pairs;
    }

    private ImageBuffer Load(string name) => ImageFile.Load(Path.Combine(_folder.FullName, name));

    private PatchQualityScoringEstimator Scoring()
        => _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), new PatchQualityScoringEstimator.Options { BatchSize = BatchSize });

    private IDataView Loaded(Pair[] pairs, out ImageFileLoadingTransformer[] loading)
    {
        IDataView source = _ml.Data.LoadFromEnumerable(pairs);
        ImageFileLoadingTransformer references = _ml.PatchDpo.LoadImages("Reference", _folder.FullName, "ReferencePath").Fit(source);
        IDataView withReferences = references.Transform(source);
        ImageFileLoadingTransformer generated = _ml.PatchDpo.LoadImages("Generated", _folder.FullName, "GeneratedPath").Fit(withReferences);
        loading = [references, generated];
        return generated.Transform(withReferences);
    }

    private (IDataView View, PatchQualityScoringTransformer Scoring, ImageFileLoadingTransformer[] Loading) Pipeline(Pair[] pairs)
    {
        IDataView loaded = Loaded(pairs, out ImageFileLoadingTransformer[] loading);
        PatchQualityScoringTransformer scoring = Scoring().Fit(loaded);
        return (scoring.Transform(loaded), scoring, loading);
    }

    private sealed class Pair
    {
        public int Id { get; set; }

        public string GeneratedPath { get; set; } = "";

        public string ReferencePath { get; set; } = "";
    }
}
