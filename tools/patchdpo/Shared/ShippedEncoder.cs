using PatchDpo.MLNet;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Shared;

/// <summary>An image encoder that comes with the program.</summary>
/// <param name="Title">What it is, for people.</param>
/// <param name="Path">Its folder or file.</param>
/// <param name="Open">Opens it; the caller disposes it.</param>
/// <param name="ForPipeline">The encoder for a pipeline, which a saved model names.</param>
/// <param name="NearDuplicate">The cosine of whole images' features above which two of them are one picture twice.</param>
internal sealed record ShippedEncoder(string Title, Func<string> Path, Func<Device?, VisionEncoderOptions, IVisionEncoder> Open,
    Func<VisionEncoderOptions, ImageEncoder> ForPipeline, double NearDuplicate)
{
    // To the small patch encoder all characters look much alike as a whole: only true repeats are dropped. ResNet-18 gives other light 0.999, a crop of
    // 85 % 0.95 and a mirrored photo 0.96 in the median of DreamBench's photos; of its 342 pairs of photos of one subject one is above 0.95. Trained
    // further it gives the crop and the mirrored photo 0.94, and three pairs are above that.
    private static readonly Dictionary<string, ShippedEncoder> All = new()
    {
        [ModelPath.Embedded] = new("the embedded encoder", () => EmbeddedModels.PatchEncoder,
            (device, options) => PatchEncoder.FromFolder(EmbeddedModels.PatchEncoder, device, options: options),
            options => ImageEncoder.FromFolder(EmbeddedModels.PatchEncoder, options), NearDuplicate: 0.9995),
        [EncoderChoice.ResNet18] = new("ImageNet's ResNet-18", () => ResNet18Model.Path, PatchEncoder.LoadResNet18, ImageEncoder.ResNet18, NearDuplicate: 0.95),
        [EncoderChoice.TrainedResNet18] = new("ImageNet's ResNet-18, trained further", () => ResNet18Model.TrainedPath, PatchEncoder.LoadTrainedResNet18,
            ImageEncoder.TrainedResNet18, NearDuplicate: 0.94),
    };

    /// <summary>The one that a word names; null: it is none, but a path.</summary>
    public static ShippedEncoder? Find(string name) => All.GetValueOrDefault(name);
}
