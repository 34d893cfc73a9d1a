using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

public sealed class BuildPairsTests : IClassFixture<TinyModels>, IDisposable
{
    private const int References = 3, Generations = 2;

    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly PersonalizedModel _model;
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-pairs-").FullName;

    public BuildPairsTests(TinyModels models)
    {
        _models = models;
        _model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
    }

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void A_folder_is_built_and_read_as_a_view()
    {
        string folder = Path.Combine(_root, "data");
        IDataView pairs = Build(folder);
        Assert.Equal(
            ["Sample", "Index", "Prompt", "ReferencePath", "GeneratedPath", "ReferenceQuality", "GeneratedQuality", "Reference", "Generated"],
            pairs.Schema.Select(c => c.Name));
        Assert.Equal([4, 4], ((VectorDataViewType)pairs.Schema["ReferenceQuality"].Type).Dimensions.ToArray());
        Assert.Equal(References * Generations, pairs.GetRowCount());

        PairFolder stored = PairFolder.Open(folder, verifyHashes: true);
        List<object[]> rows = RowReader.Read(pairs, "Sample", "Index", "Prompt", "ReferencePath", "ReferenceQuality", "GeneratedQuality");
        Assert.Equal(stored.Pairs.Select(p => new object[] { p.Sample, p.Index, p.Prompt, p.ReferencePath, p.ReferenceQuality.Values,
            p.GeneratedQuality.Values }), rows);
        Assert.Equal(["a cat", "a cat", "a dog", "a dog", "a cat", "a cat"], rows.Select(r => r[2]));
        List<object[]> images = RowReader.Read(pairs, "Reference", "Generated");
        foreach ((byte[] expected, object[] row) in stored.Read().Select(p => p.Generated.Pixels).Zip(images))
            Assert.Equal(expected, ((byte[])row[1]).Where((_, i) => i % 4 < 3).Chunk(3).SelectMany(bytes => bytes));
        Assert.Equal(rows, RowReader.Read(_ml.PatchDpo.LoadPairs(folder), "Sample", "Index", "Prompt", "ReferencePath", "ReferenceQuality",
            "GeneratedQuality"));
    }

    [Fact]
    public void Images_are_read_row_by_row_and_only_when_they_are_asked_for()
    {
        string folder = Path.Combine(_root, "data");
        IDataView pairs = Build(folder);
        string broken = PairFolder.Open(folder).Pairs[2].GeneratedPath;
        File.WriteAllText(broken, "no image");
        Assert.Equal(6, RowReader.Read(pairs, "Prompt", "ReferenceQuality").Count);
        using DataViewRowCursor cursor = pairs.GetRowCursor([pairs.Schema["Generated"]]);
        ValueGetter<MLImage> getter = cursor.GetGetter<MLImage>(pairs.Schema["Generated"]);
        MLImage image = null!;
        for (int row = 0; row < 2; row++)
        {
            Assert.True(cursor.MoveNext());
            getter(ref image);
            Assert.Equal(32, image.Width);
        }
        Assert.True(cursor.MoveNext());
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => getter(ref image));
        Assert.Equal(("GeneratedPath", 2), (e.Column, e.Row));
        image.Dispose();
    }

    [Fact]
    public void The_trainer_takes_a_built_folder_as_it_is()
    {
        IDataView pairs = Build(Path.Combine(_root, "data"));
        using PersonalizedImageTransformer tuned = _ml.PatchDpo.Trainers.PatchDpo(
            _model, new PatchDpoTrainer.Options { Training = new() { MaxSteps = 2, BatchSize = 2 }, Seed = 1 }).Fit(pairs);
        float[] Values(PersonalizedModel model) => model.AdapterLayers.parameters().First().data<float>().ToArray();
        Assert.NotEqual(Values(_model), Values(tuned.Model));
    }

    [SkippableFact]
    public void The_embedded_model_builds_a_data_set_and_is_trained_on_it()
    {
        Skip.IfNot(Directory.Exists(EmbeddedModels.Generator) && Directory.Exists(EmbeddedModels.PatchEncoder),
            "The embedded models are not part of this build.");
        using PersonalizedModel model = _ml.PatchDpo.LoadEmbeddedModel();
        IDataView prompts = _ml.Data.LoadFromEnumerable(ObjectPrompts.Embedded.Take(4).Select(p => new PromptRow { Prompt = p }));
        var generation = new GenerationOptions { Steps = 3, GuidanceScale = 2, NegativePrompt = "", BatchSize = 8 };
        string folder = Path.Combine(_root, "embedded");
        IDataView pairs = _ml.PatchDpo.BuildPairs(prompts, folder, model, ImageEncoder.Embedded, new PairBuildingOptions
        {
            // Three steps draw no clean background yet.
            Builder = new() { References = 4, GenerationsPerReference = 2, ReferenceGeneration = generation, Generation = generation, Filter = Anything() },
            ClipFolder = EmbeddedModels.EvaluationClip,
        });
        Assert.Equal(8, pairs.GetRowCount());
        Assert.Equal([16, 16], ((VectorDataViewType)pairs.Schema["GeneratedQuality"].Type).Dimensions.ToArray());
        var losses = new List<float>();
        using PersonalizedImageTransformer tuned = _ml.PatchDpo.Trainers
            .PatchDpo(model, new PatchDpoTrainer.Options { Training = new() { MaxSteps = 2 }, Generation = generation, ProgressCallback = p
                => losses.Add(p.Loss) }).Fit(pairs);
        Assert.Equal(2, losses.Count);
        Assert.All(losses, l => Assert.True(float.IsFinite(l) && l > 0));
        string manifest = File.ReadAllText(Path.Combine(folder, "manifest.json"));
        Assert.Contains("\"model\": \"CLIP\"", manifest, StringComparison.Ordinal);
        Assert.Contains("\"model\": \"patch encoder\"", manifest, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_build_is_continued_and_another_one_refused()
    {
        string folder = Path.Combine(_root, "data");
        using (var source = new CancellationTokenSource())
        {
            var options = new PairBuildingOptions
            {
                Builder = Options(),
                CancellationToken = source.Token,
                ProgressCallback = p => { if (p.Stage == PairBuildStage.Pairs && p.Generation is not null) source.Cancel(); },
            };
            Assert.Throws<OperationCanceledException>(() => _ml.PatchDpo.BuildPairs(Prompts("a cat", "a dog"), folder, _model, Encoder, options));
        }
        Assert.Throws<PairFolderException>(() => _ml.PatchDpo.LoadPairs(folder));
        var reports = new List<PairBuildProgress>();
        _ml.PatchDpo.BuildPairs(Prompts("a cat", "a dog"), folder, _model, Encoder, new() { Builder = Options(), ProgressCallback = reports.Add });
        Assert.Equal(References, reports[0].Reused);
        string other = TinyModels.WriteDino(Path.Combine(_root, "dino"), seed: 9);
        PairFolderMismatchException e = Assert.Throws<PairFolderMismatchException>(
            () => _ml.PatchDpo.BuildPairs(Prompts("a cat", "a dog"), folder, _model, ImageEncoder.FromFolder(other), new() { Builder = Options() }));
        Assert.StartsWith("SHA-256 of patch encoder model.safetensors", Assert.Single(e.Changes), StringComparison.Ordinal);
    }

    [Fact]
    public void An_encoder_in_memory_is_known_by_its_weights()
    {
        string folder = Path.Combine(_root, "data");
        using IVisionEncoder first = PatchEncoder.FromFolder(_models.Dino), second = PatchEncoder.FromFolder(
            TinyModels.WriteDino(Path.Combine(_root, "dino"), seed: 9));
        IDataView Build(IVisionEncoder encoder) => _ml.PatchDpo.BuildPairs(
            Prompts("a cat"), folder, _model, ImageEncoder.FromInstance(encoder), new() { Builder = Options() });
        Build(first);
        Assert.Equal(References * Generations, Build(first).GetRowCount());
        PairFolderMismatchException e = Assert.Throws<PairFolderMismatchException>(() => Build(second));
        Assert.StartsWith("SHA-256 of patch encoder weights in memory", Assert.Single(e.Changes), StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_prompts_are_refused_by_their_row()
    {
        string folder = Path.Combine(_root, "data");
        Assert.Throws<EmptyDataException>(() => _ml.PatchDpo.BuildPairs(Prompts(), folder, _model, Encoder));
        Assert.Equal(1, Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.BuildPairs(Prompts("a", " "), folder, _model, Encoder)).Row);
        Assert.Equal(2, Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.BuildPairs(Prompts("a", "b", new string('x', 2001)), folder, _model, Encoder))
            .Row);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.PatchDpo.BuildPairs(Prompts("a"), folder, _model, Encoder, new() { PromptColumnName = "Text" }));
        Assert.False(Directory.Exists(folder));
    }

    private ImageEncoder Encoder => ImageEncoder.FromFolder(_models.Dino);

    private IDataView Build(string folder) => _ml.PatchDpo.BuildPairs(Prompts("a cat", "a dog"), folder, _model, Encoder, new() { Builder = Options() });

    private IDataView Prompts(params string[] prompts) => _ml.Data.LoadFromEnumerable(prompts.Select(p => new PromptRow { Prompt = p }));

    // Random weights draw no objects.
    private static ReferenceFilterOptions Anything() => new() { MinPlainBorder = 0, MinForeground = 0, MaxForeground = 1, MaxSimilarity = null };

    private static PairBuilderOptions Options() => new()
    {
        References = References,
        GenerationsPerReference = Generations,
        ReferenceGeneration = new() { Steps = 2 },
        Generation = new() { Steps = 2 },
        Filter = Anything(),
    };

    public sealed class PromptRow
    {
        public string Prompt { get; set; } = "";
    }
}
