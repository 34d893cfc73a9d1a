using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>A ResNet for CIFAR's small images as an image encoder. <c>(B,3,H,W) -> (B,D)</c></summary>
/// <remarks>
/// Source: akamaster/pytorch_resnet_cifar10 <c>resnet.py</c>; its state-dict keys. Its three stages' maps have steps of 1, 2 and
/// 4 pixels. It was trained on images of 32 x 32 pixels with ImageNet's normalisation: images are brought to that size (bilinear,
/// centre crop); larger ones are taken as well, and <see cref="ConvolutionalEncoder.PatchSize"/> then keeps the patches few.
/// </remarks>
internal sealed class CifarResNet : ConvolutionalEncoder
{
    private const int CifarSize = 32;

    private readonly SafeConv2d conv1;
    private readonly BatchNormalization bn1;
    private readonly ModuleList<ResNetBlock> layer1;
    private readonly ModuleList<ResNetBlock> layer2;
    private readonly ModuleList<ResNetBlock> layer3;
    private readonly Linear? linear;

    /// <summary>Creates the network with fresh weights.</summary>
    /// <param name="config">The network's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    public CifarResNet(CifarResNetConfig config, Device? device = null, ScalarType? dtype = null) : base(TorchRuntime.Initialized(nameof(CifarResNet)))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        int channels = config.Width;
        conv1 = new SafeConv2d(3, channels, 3, padding: 1, bias: false, device: device, dtype: dtype);
        bn1 = new BatchNormalization(channels, device, dtype);
        layer1 = Stage(0);
        layer2 = Stage(1);
        layer3 = Stage(2);
        if (config.NumClasses is int classes)
            linear = Linear(channels, classes, true, device, dtype);
        RegisterComponents();
        CnnInit.Apply(this);
        this.DetachFromDisposeScope();

        ModuleList<ResNetBlock> Stage(int index)
            => ResNetBlock.Stage(ref channels, config.Width << index, config.BlocksPerStage, index > 0 ? 2 : 1, ResNetBlockKind.BasicPadded, device, dtype);
    }

    /// <summary>The network's shape.</summary>
    public CifarResNetConfig Config { get; }

    /// <inheritdoc/>
    public override int Stages => 3;

    /// <summary>The classifier's logits. <c>(B,3,H,W) -> (B,classes)</c></summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W).</exception>
    /// <exception cref="InvalidOperationException">The network has no classifier.</exception>
    public Tensor Classify(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        return (linear ?? throw new InvalidOperationException("The network has no classifier.")).call(call(pixels)).MoveToOuterDisposeScope();
    }

    private protected override Parameter Anchor => conv1.Weight;

    private protected override List<Tensor> Maps(Tensor pixels)
    {
        PixelShape.Check(pixels, 1);
        return ResNetBlock.Maps(bn1.call(conv1.call(pixels)).relu(), layer1, layer2, layer3);
    }

    private protected override IEnumerable<IReadOnlyList<Module>> PatchParts() => [[conv1, bn1], .. ResNetBlock.Parts(LastPatchStage, layer1, layer2, layer3)];

    private protected override int Step(int stage) => 1 << (stage - 1);

    private protected override IImagePreprocessor CreatePreprocessor(int? imageSize, PixelNormalization? normalization)
        => new ClassificationPreprocessor(imageSize ?? CifarSize, imageSize ?? CifarSize, normalization);
}
