using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights.Onnx;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using PatchDpo.Torch.Weights.Sharded;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests.Runtime;

/// <summary>Whoever uses an object that was disposed is told so, with its name.</summary>
public sealed class DisposedObjectsTests(TinyModels models) : IClassFixture<TinyModels>
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

    public static TheoryData<string> Disposables() => [.. Types().Select(t => t.FullName!)];

    [Theory]
    [MemberData(nameof(Disposables))]
    public void Every_member_that_needs_what_was_released_names_the_object(string name)
    {
        Type type = Types().Single(t => t.FullName == name);
        using DisposeScope scope = NewDisposeScope();
        IDisposable made = Make(type);
        made.Dispose();
        made.Dispose();
        // A sampler that holds no tensors has nothing to release.
        if (made is ISampler && !type.GetFields(BindingFlags.NonPublic | BindingFlags.Instance)
            .Any(f => f.FieldType == typeof(Tensor) || f.FieldType == typeof(List<Tensor>)))
            return;
        foreach (MethodInfo method in Members(type))
        {
            string member = method.Name.StartsWith("get_", StringComparison.Ordinal) ? method.Name[4..] : method.Name;
            Exception? e = Record.Exception(() => method.Invoke(made, BindingFlags.DoNotWrapExceptions, null, [.. method.GetParameters().Select(Argument)],
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
        ImageEmbeddingTransformer transformer = _ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.FromFolder(models.Dino), "Image").Fit(rows);
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
        PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
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
        PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        using PersonalizedImageTransformer transformer = _ml.PatchDpo.GeneratePersonalizedImages(
            model, reference: "Image", generation: new GenerationOptions { Steps = 1 }).Fit(rows);
        IDataView view = transformer.Transform(rows);
        model.Dispose();
        Names<PersonalizedModel>(() => RowReader.Read(view, ["Generated"]).ToArray());
        Names<PersonalizedModel>(() => transformer.SaveAdapter(Path.Combine(models.Root, "disposed.safetensors")));
        Names<PersonalizedModel>(() => _ml.PatchDpo.SaveModel(transformer, rows.Schema, Path.Combine(models.Root, "disposed.zip")));
        Assert.Empty(Directory.GetFiles(models.Root, "disposed*"));
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

    private IDisposable Make(Type type)
    {
        IDataView rows = TestImages.Rows(_ml, 1);
        var image = ImageEncoder.FromFolder(models.Dino);
        string adapter = Path.Combine(models.Generator, "ip_adapter.safetensors");
        UNetConfig unet = UNetConfig.FromJson(ModelConfig.Read(Path.Combine(models.Generator, "unet", "config.json")));
        return type.Name switch
        {
            nameof(AutoencoderKL) => AutoencoderKL.FromFolder(Path.Combine(models.Generator, "vae")),
            nameof(UNet2DConditionModel) => UNet2DConditionModel.FromFolder(Path.Combine(models.Generator, "unet")),
            nameof(EliteLayers) => new EliteLayers(unet),
            nameof(IpAdapterLayers) => new IpAdapterLayers(unet),
            nameof(IpAdapterModel) => IpAdapterFile.Read(adapter, unet),
            nameof(LinearImageProjection) => new LinearImageProjection(4, 4),
            nameof(MlpImageProjection) => new MlpImageProjection(4, 4),
            nameof(Resampler) => new Resampler(new ResamplerOptions { Channels = 4, Layers = 1, Heads = 1, HeadChannels = 4, Tokens = 1, InputChannels = 4,
                OutputChannels = 4 }),
            nameof(FeatureCache) => new FeatureCache(),
            nameof(EvaluationModels) => EvaluationModels.FromFolders(models.Dino, null, models.Dino),
            nameof(PersonalizedModel) => PersonalizedModel.Load(models.Generator),
            nameof(PreparedPairs) => new Torch.Training.PatchDpoTrainer(PersonalizedModel.Load(models.Generator)).Prepare(
                [new("a", new ImageBuffer(8, 8, 3, new byte[192]), new ImageBuffer(8, 8, 3, new byte[192]), new(1, 1, [0.5f]), new(1, 1, [0.5f]))]),
            nameof(TextConditions) => new TextConditions(ones(1), ones(1)),
            nameof(ImagePrompt) => new ImagePrompt([KeyValuePair.Create("tokens", ones(1, 2, 3))]),
            nameof(ClipTextOutput) => new ClipTextOutput(ones(1), ones(1), ones(1), ones(1)),
            nameof(ClipVisionOutput) => new ClipVisionOutput(ones(1), ones(1), ones(1), ones(1)),
            nameof(VisionFeatures) => new VisionFeatures(ones(1), ones(1)),
            nameof(ClipTextEncoder) => ClipTextEncoder.FromFolder(models.Text),
            nameof(ClipVisionEncoder) => ClipVisionEncoder.FromFolder(models.Clip),
            nameof(ClipModel) => ClipModel.FromFolder(models.FullClip),
            nameof(DinoVisionTransformer) => DinoVisionTransformer.FromFolder(models.Dino),
            nameof(DinoV2VisionTransformer) => new DinoV2VisionTransformer(
                new DinoV2Config { ImageSize = 32, PatchSize = 8, EmbedDim = 24, Depth = 1, NumHeads = 2 }),
            nameof(Alike) => new Alike(new AlikeConfig { Channels = [4, 4, 4, 4], DescriptorDim = 8, SingleHead = false }),
            nameof(CifarResNet) => new CifarResNet(new CifarResNetConfig { Width = 4, BlocksPerStage = 1 }),
            nameof(ResNet) => new ResNet(new ResNetConfig { Bottleneck = false, Layers = [1, 1, 1, 1], Width = 4, NumClasses = 2 }),
            nameof(Vgg) => new Vgg(new VggConfig { Layers = [4, 0, 6, 0], NumClasses = 2 }),
            nameof(PatchHeadEncoder) => new PatchHeadEncoder(DinoVisionTransformer.FromFolder(models.Dino), 4),
            nameof(SafetensorsFile) => SafetensorsFile.Open(Path.Combine(models.Dino, "model.safetensors")),
            nameof(OnnxFile) => OnnxFile.Open(
                Written("written.onnx", p => File.WriteAllBytes(p, OnnxBytes.Model(OnnxBytes.Initialiser("cls_token", [1], [1]))))),
            nameof(TorchCheckpoint)
                => TorchCheckpoint.Open(
                Written("written.pth", p => TorchCheckpointWriter.Write(p, new Dictionary<string, Tensor> { ["cls_token"] = ones(1) }))),
            nameof(ShardedTensorFile) => ShardedTensorFile.Open(Written(Path.Combine("dino", "model.safetensors.index.json"), p => File.WriteAllText(p,
                JsonSerializer.Serialize(new { metadata = new { }, weight_map = Keys().ToDictionary(k => k, _ => "model.safetensors") })))),
            nameof(ImageEmbeddingTransformer) => _ml.PatchDpo.EmbedImages("E", image, "Image").Fit(rows),
            nameof(TextEmbeddingTransformer) => _ml.PatchDpo.EmbedText("E", TextEncoder.FromFolder(models.Text), "Prompt").Fit(rows),
            nameof(PatchQualityScoringTransformer) => _ml.PatchDpo.ScorePatchQuality("Image", "Image", image).Fit(rows),
            nameof(PersonalizedImageTransformer) => _ml.PatchDpo.GeneratePersonalizedImages(PersonalizedModel.Load(models.Generator), reference: "Image")
                .Fit(rows),
            nameof(PatchEncoderTransformer) => _ml.PatchDpo.Trainers.PatchEncoder(
                image, new PatchEncoderTrainer.Options { HeadDimension = 4, Training = new() { MaxSteps = 1, BatchSize = 2, PointsPerImage = 4 } }).Fit(rows),
            nameof(ImageFileLoadingTransformer) => _ml.PatchDpo.LoadImages("I", null, "Prompt").Fit(rows),
            nameof(ReferenceMontageTransformer) => _ml.PatchDpo.ComposeReferences("R", "Image").Fit(rows),
            _ when typeof(ISampler).IsAssignableFrom(type) => Sampler(),
            _ => throw new NotSupportedException($"{type} is disposable and new: make one here, and let its members say when it was disposed."),
        };

        ISampler Sampler()
        {
            ConstructorInfo constructor = type.GetConstructors()[0];
            var sampler = (ISampler)constructor.Invoke([.. constructor.GetParameters()
                .Select(p => p.ParameterType == typeof(NoiseSchedule) ? new NoiseSchedule(new NoiseScheduleConfig()) : Argument(p))]);
            sampler.SetTimesteps(4);
            return sampler;
        }

        string Written(string name, Action<string> write)
        {
            string path = Path.Combine(models.Root, name);
            write(path);
            return path;
        }

        IEnumerable<string> Keys()
        {
            using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(models.Dino, "model.safetensors"));
            return [.. file.Keys];
        }
    }

    private object? Argument(ParameterInfo parameter) => parameter switch
    {
        { Name: "key" } => "cls_token",
        { Name: "ids" or "timesteps" } => zeros([1, 4], ScalarType.Int64),
        { ParameterType: var t } when t == typeof(Tensor) => zeros(1, 3, 32, 32),
        { ParameterType: var t } when t == typeof(string) => Path.Combine(models.Root, "written.safetensors"),
        { ParameterType: var t } when t == typeof(long) => 32L,
        { ParameterType: var t } when t == typeof(int) => 1,
        { ParameterType: var t } when t == typeof(double) => 1.0,
        { ParameterType: var t } when t == typeof(IDataView) => TestImages.Rows(_ml, 1),
        { ParameterType: var t } when t == typeof(DataViewSchema) => TestImages.Rows(_ml, 1).Schema,
        { ParameterType: { IsValueType: true } t } => RuntimeHelpers.GetUninitializedObject(Nullable.GetUnderlyingType(t) ?? t),
        _ => null,
    };

    private sealed class EmbeddedRow
    {
        public float[] Embedding { get; set; } = [];
    }
}
