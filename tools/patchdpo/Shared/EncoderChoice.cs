using System.Globalization;
using Microsoft.ML;
using PatchDpo.MLNet;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Shared;

/// <summary>An image encoder as the command line names it.</summary>
/// <param name="Name">Its path, or the word for one that ships.</param>
/// <param name="Options">How it is used.</param>
internal sealed record EncoderChoice(string Name, VisionEncoderOptions Options)
{
    /// <summary>The word for ImageNet's ResNet-18.</summary>
    public const string ResNet18 = "resnet18";

    /// <summary>The word for the same, trained further without labels.</summary>
    public const string TrainedResNet18 = "resnet18-trained";

    /// <summary>Where it computes; null: the CPU.</summary>
    public Device? Device { get; init; }

    /// <summary>An environment for pipelines with it.</summary>
    public MLContext Context() => new(seed: 1) { GpuDeviceId = Device?.type == DeviceType.CUDA ? Device.index : null, FallbackToCpu = false };

    /// <summary>Its folder or lone file.</summary>
    public string Path => Shipped?.Path() ?? Name;

    /// <summary>What it is, for people.</summary>
    public string Title => Shipped?.Title ?? $"'{Name}'";

    /// <summary>The cosine of whole images' features above which two of them are one picture twice.</summary>
    public double NearDuplicate => Shipped?.NearDuplicate ?? 0.98;

    private ShippedEncoder? Shipped => ShippedEncoder.Find(Name);

    /// <summary>The encoder for a pipeline.</summary>
    public ImageEncoder ForPipeline() => Shipped?.ForPipeline(Options)
        ?? (File.Exists(Name) ? ImageEncoder.FromFile(Name, Options) : ImageEncoder.FromFolder(Name, Options));

    /// <summary>What was chosen of how it is used, by the options' names; float32 and what was not chosen are absent, as before there was the choice.</summary>
    public IReadOnlyDictionary<string, string> Chosen => new (string Name, string? Value)[]
    {
        ("--stages", Options.PatchStages is { } stages ? string.Join(' ', stages) : null),
        ("--patch", Options.PatchSize?.ToString(CultureInfo.InvariantCulture)),
        ("--size", Options.ImageSize?.ToString(CultureInfo.InvariantCulture)),
        ("--dtype", Options.DType is null or ScalarType.Float32 ? null : Options.DType.ToString()),
    }.Where(c => c.Value is not null).ToDictionary(c => c.Name, c => c.Value!);

    /// <summary>Which model it is.</summary>
    public EvaluationModel Identity(string role) => File.Exists(Path) ? EvaluationModel.FromFile(role, System.IO.Path.GetFileName(Path), Path)
        : EvaluationModel.FromFolder(role, Path);

    /// <summary>Opens it; the caller disposes it.</summary>
    /// <param name="device">Where the weights go; null: <see cref="Device"/>.</param>
    public IVisionEncoder Open(Device? device = null) => Shipped?.Open(device ?? Device, Options)
        ?? (File.Exists(Name) ? PatchEncoder.FromFile(Name, device ?? Device, options: Options)
            : PatchEncoder.FromFolder(Name, device ?? Device, options: Options));
}
