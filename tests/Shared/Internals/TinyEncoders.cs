using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Vision.Dino;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Tests;

/// <summary>One small encoder of each kind, with weights from a generator of its own, set to evaluation.</summary>
internal static class TinyEncoders
{
    public static readonly string[] Kinds = ["CIFAR ResNet", "ResNet", "VGG", "ALIKE", "DINO", "DINOv2", "CLIP"];

    public static ITrainableVisionEncoder Create(string kind)
    {
        ITrainableVisionEncoder encoder = kind switch
        {
            "CIFAR ResNet" => new CifarResNet(new CifarResNetConfig { Width = 4, BlocksPerStage = 1 }) { PatchStages = [1, 2], PatchSize = 4 },
            "ResNet" => new ResNet(new ResNetConfig { Bottleneck = true, Layers = [1, 2, 1, 1], Width = 4, NumClasses = null }) { PatchStages = [2] },
            "VGG" => new Vgg(new VggConfig { Layers = [4, 0, 6, 0, 8, 0], NumClasses = null }) { PatchStages = [2] },
            "ALIKE" => new Alike(new AlikeConfig { Channels = [4, 6, 8, 10], DescriptorDim = 12, SingleHead = false }),
            "DINO" => new DinoVisionTransformer(new DinoConfig { ImageSize = 32, PatchSize = 8, EmbedDim = 12, Depth = 3, NumHeads = 2, IntermediateSize = 20,
                QkvBias = false }),
            "DINOv2" => new DinoV2VisionTransformer(new DinoV2Config { ImageSize = 32, PatchSize = 8, EmbedDim = 12, Depth = 3, NumHeads = 2,
                IntermediateSize = 37, RegisterTokens = 2, LayerScale = 0.5 }),
            "CLIP" => new ClipVisionEncoder(new ClipVisionConfig { ImageSize = 32, PatchSize = 8, HiddenSize = 12, IntermediateSize = 20, NumLayers = 3,
                NumHeads = 2, ProjectionDim = 6 }),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        nn.Module module = (nn.Module)encoder;
        module.eval();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Generator generator = new(11);
        foreach (Parameter parameter in module.parameters())
            parameter.copy_(parameter.dim() > 1 ? randn(parameter.shape, generator: generator) / Math.Sqrt(Math.Max(1, parameter.numel() / parameter.shape[0]))
                : parameter);
        return encoder;
    }
}
