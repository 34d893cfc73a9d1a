using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
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
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests.Runtime;

/// <summary>Makes one of every type that is to be disposed, small.</summary>
internal sealed class DisposableObjects(TinyModels models, MLContext ml)
{
    /// <summary>One of a type.</summary>
    public IDisposable Make(Type type)
    {
        IDataView rows = TestImages.Rows(ml, 1);
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
            nameof(ImageEmbeddingTransformer) => ml.PatchDpo.EmbedImages("E", image, "Image").Fit(rows),
            nameof(TextEmbeddingTransformer) => ml.PatchDpo.EmbedText("E", TextEncoder.FromFolder(models.Text), "Prompt").Fit(rows),
            nameof(PatchQualityScoringTransformer) => ml.PatchDpo.ScorePatchQuality("Image", "Image", image).Fit(rows),
            nameof(PersonalizedImageTransformer) => ml.PatchDpo.GeneratePersonalizedImages(PersonalizedModel.Load(models.Generator), reference: "Image")
                .Fit(rows),
            nameof(PatchEncoderTransformer) => ml.PatchDpo.Trainers.PatchEncoder(
                image, new PatchEncoderTrainer.Options { HeadDimension = 4, Training = new() { MaxSteps = 1, BatchSize = 2, PointsPerImage = 4 } }).Fit(rows),
            nameof(ImageFileLoadingTransformer) => ml.PatchDpo.LoadImages("I", null, "Prompt").Fit(rows),
            nameof(ReferenceMontageTransformer) => ml.PatchDpo.ComposeReferences("R", "Image").Fit(rows),
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

    /// <summary>Something to call a method with; null where nothing suits.</summary>
    public object? Argument(ParameterInfo parameter) => parameter switch
    {
        { Name: "key" } => "cls_token",
        { Name: "ids" or "timesteps" } => zeros([1, 4], ScalarType.Int64),
        { ParameterType: var t } when t == typeof(Tensor) => zeros(1, 3, 32, 32),
        { ParameterType: var t } when t == typeof(string) => Path.Combine(models.Root, "written.safetensors"),
        { ParameterType: var t } when t == typeof(long) => 32L,
        { ParameterType: var t } when t == typeof(int) => 1,
        { ParameterType: var t } when t == typeof(double) => 1.0,
        { ParameterType: var t } when t == typeof(IDataView) => TestImages.Rows(ml, 1),
        { ParameterType: var t } when t == typeof(DataViewSchema) => TestImages.Rows(ml, 1).Schema,
        { ParameterType: { IsValueType: true } t } => RuntimeHelpers.GetUninitializedObject(Nullable.GetUnderlyingType(t) ?? t),
        _ => null,
    };
}
