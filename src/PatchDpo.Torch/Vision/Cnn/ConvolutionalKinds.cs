using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>The convolutional networks; ImageNet's ResNet stands before CIFAR's, which has no fourth stage.</summary>
internal static class ConvolutionalKinds
{
    /// <summary>torchvision's ResNet.</summary>
    public static EncoderKind ResNet { get; } = new ConvolutionalKind<ResNet>(
        "ResNet", "layer4.0.conv1.weight", s => new ResNet(ResNetConfig.FromWeights(s), TorchRuntime.Meta));

    public static IReadOnlyList<EncoderKind> All { get; } =
    [
        ResNet,
        new ConvolutionalKind<CifarResNet>("CIFAR's ResNet", "layer3.0.conv1.weight", s
            => new CifarResNet(CifarResNetConfig.FromWeights(s), TorchRuntime.Meta)),
        new ConvolutionalKind<Vgg>("VGG", "features.0.weight", s => new Vgg(VggConfig.FromWeights(s), TorchRuntime.Meta)),
        new ConvolutionalKind<Alike>("ALIKE", "convhead2.weight", s => new Alike(AlikeConfig.FromWeights(s), TorchRuntime.Meta)),
    ];
}
