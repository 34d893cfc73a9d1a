using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests.Runtime;

/// <summary>Whoever uses an object that was disposed is told so, with its name.</summary>
public sealed class DisposedObjectsTests : IClassFixture<TinyModels>
{
    // What an object is, or hands out: parts that were disposed with it say so themselves.
    private static readonly HashSet<string> NeedsNothing =
    [
        "Config", "Options", "ScalingFactor", "InputChannels", "Indices", "Stages", "PatchStages", "PatchSize", "Preprocessor",
        "Timesteps", "Sigmas", "InitialNoiseScale", "AddsNoise", "Path", "ShardPaths", "Keys", "Metadata", "Contains", "Shape", "DType", "IsLegacy", "Values",
        "PersonalizedModel.FolderPath", "PersonalizedModel.LoadOptions", "PersonalizedModel.Device", "PersonalizedModel.ImageSize", "PersonalizedModel.LatentChannels", "PersonalizedModel.LatentScale",
        "PersonalizedModel.Schedule", "PersonalizedModel.AdapterScale", "IsRowToRowMapper", "MapHeight", "MapWidth", "ImageEmbeddingTransformer.Dimension",
        "TextEmbeddingTransformer.Dimension", "PatchEncoderTransformer.Dimension", "Encoder", "TextEncoder", "VisionEncoder", "Tokenizer", "Projection", "Layers",
        "Dino", "Clip", "PatchEncoder", "Identities", "TruncatedPromptCount", "TruncatedTextCount", "ImagePrompt.Names",
        "PreparedPairs.Count", "PreparedPairs.TruncatedPrompts", "PreparedPairs.Warnings", "FeatureCache.Bytes",
    ];

    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly DisposableObjects _objects;

    public DisposedObjectsTests(TinyModels models)
    {
        _models = models;
        _objects = new DisposableObjects(models, _ml);
    }

    public static TheoryData<string> Disposables() => [.. Types().Select(t => t.FullName!)];

    [Theory]
    [MemberData(nameof(Disposables))]
    public void Every_member_that_needs_what_was_released_names_the_object(string name)
    {
        Type type = Types().Single(t => t.FullName == name);
        using DisposeScope scope = NewDisposeScope();
        IDisposable made = _objects.Make(type);
        made.Dispose();
        made.Dispose();
        // A sampler that holds no tensors has nothing to release.
        if (made is ISampler && !type.GetFields(BindingFlags.NonPublic | BindingFlags.Instance)
            .Any(f => f.FieldType == typeof(Tensor) || f.FieldType == typeof(List<Tensor>)))
            return;
        foreach (MethodInfo method in Members(type))
        {
            string member = method.Name.StartsWith("get_", StringComparison.Ordinal) ? method.Name[4..] : method.Name;
            Exception? e = Record.Exception(() => method.Invoke(made, BindingFlags.DoNotWrapExceptions, null, [.. method.GetParameters().Select(_objects.Argument)],
                null));
            if (NeedsNothing.Contains(member) || NeedsNothing.Contains($"{type.Name}.{member}") || member.StartsWith("set_", StringComparison.Ordinal))
                Assert.True(e is null, $"{name}.{member} threw {e}");
            else
                Assert.True(e is ObjectDisposedException disposed && disposed.ObjectName.Contains(type.Name, StringComparison.Ordinal),
                    $"{name}.{member} threw {e?.ToString() ?? "nothing"}");
        }
    }

    [Fact]
    public void A_transformer_whose_prediction_engine_was_disposed_says_so()
    {
        IDataView rows = TestImages.Rows(_ml, 2);
        ImageEmbeddingTransformer transformer = _ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.FromFolder(_models.Dino), "Image").Fit(rows);
        IDataView view = transformer.Transform(rows);
        using DataViewRowCursor cursor = view.GetRowCursor(view.Schema);
        ValueGetter<Microsoft.ML.Data.VBuffer<float>> getter = cursor.GetGetter<Microsoft.ML.Data.VBuffer<float>>(view.Schema["Embedding"]);
        Microsoft.ML.Data.VBuffer<float> value = default;
        Assert.True(cursor.MoveNext());
        getter(ref value);
        PredictionEngine<TestImages.ImageRow, EmbeddedRow> engine = _ml.Model.CreatePredictionEngine<TestImages.ImageRow, EmbeddedRow>(transformer);
        Assert.Equal(24, engine.Predict(new TestImages.ImageRow { Image = TestImages.Draw(1) }).Embedding.Length);
        engine.Dispose();

        Names<ImageEmbeddingTransformer>(() => engine.Predict(new TestImages.ImageRow { Image = TestImages.Draw(1) }));
        Names<ImageEmbeddingTransformer>(() => transformer.Transform(rows));
        Names<ImageEmbeddingTransformer>(() => getter(ref value));
        Names<ImageEmbeddingTransformer>(() => RowReader.Read(view, ["Embedding"]).ToArray());
        Names<ImageEmbeddingTransformer>(() => _ml.Model.Save(transformer, rows.Schema, new MemoryStream()));
    }

    [Fact]
    public void A_model_that_shares_its_parts_lives_on_and_the_disposed_one_says_so()
    {
        PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(_models.Generator);
        AdapterLayers layers = model.AdapterLayers.Clone();
        using PersonalizedModel other = model.WithAdapterLayers(layers);
        model.Dispose();
        Names<PersonalizedModel>(() => model.EncodeText(["a cat"]));
        Names<PersonalizedModel>(() => model.Generate([]));
        Names<PersonalizedModel>(() => model.WithAdapterLayers(layers));
        other.EncodeText(["a cat"]).Dispose();
        Assert.Single(other.Generate([new GenerationRequest("a cat", [new ImageBuffer(8, 8, 3, new byte[192])])], new GenerationOptions { Steps = 1 }));
    }

    [Fact]
    public void A_transformer_whose_model_was_disposed_says_so()
    {
        IDataView rows = TestImages.Rows(_ml, 1);
        PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(_models.Generator);
        using PersonalizedImageTransformer transformer = _ml.PatchDpo.GeneratePersonalizedImages(
            model, reference: "Image", generation: new GenerationOptions { Steps = 1 }).Fit(rows);
        IDataView view = transformer.Transform(rows);
        model.Dispose();
        Names<PersonalizedModel>(() => RowReader.Read(view, ["Generated"]).ToArray());
        Names<PersonalizedModel>(() => transformer.SaveAdapter(Path.Combine(_models.Root, "disposed.safetensors")));
        Names<PersonalizedModel>(() => _ml.PatchDpo.SaveModel(transformer, rows.Schema, Path.Combine(_models.Root, "disposed.zip")));
        Assert.Empty(Directory.GetFiles(_models.Root, "disposed*"));
    }

    private static void Names<T>(Action action) => Assert.Contains(typeof(T).Name, Assert.Throws<ObjectDisposedException>(action).ObjectName,
        StringComparison.Ordinal);

    private static IEnumerable<Type> Types()
        => new[] { typeof(TorchRuntime).Assembly, typeof(PatchDpoCatalog).Assembly }.SelectMany(a => a.GetExportedTypes())
            .Where(t => !t.IsAbstract && typeof(IDisposable).IsAssignableFrom(t));

    private static IEnumerable<MethodInfo> Members(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Instance)
        .Where(m => m.DeclaringType!.Assembly == typeof(TorchRuntime).Assembly || m.DeclaringType.Assembly == typeof(PatchDpoCatalog).Assembly)
        // Records' own members, and what only an initialiser may call.
        .Where(m => m.Name != nameof(IDisposable.Dispose) && m.GetCustomAttribute<CompilerGeneratedAttribute>() is null
            && !m.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)));

    private sealed class EmbeddedRow
    {
        public float[] Embedding { get; set; } = [];
    }
}
