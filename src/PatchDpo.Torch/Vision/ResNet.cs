using PatchDpo.Torch.Images;
using PatchDpo.Torch.Runtime;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision;

/// <summary>torchvision's ResNet as an image encoder. <c>(B,3,H,W) -> (B,D)</c></summary>
/// <remarks>Source: torchvision 0.14 <c>models/resnet.py</c>; its state-dict keys.</remarks>
public sealed class ResNet : Module<Tensor, Tensor>, IVisionEncoder
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly ModuleList<ResNetBlock> layer1;
    private readonly ModuleList<ResNetBlock> layer2;
    private readonly ModuleList<ResNetBlock> layer3;
    private readonly ModuleList<ResNetBlock> layer4;
    private readonly Linear? fc;

    /// <summary>Creates the network with fresh weights (the reference's initialisation).</summary>
    /// <param name="config">The network's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    public ResNet(ResNetConfig config, Device? device = null, ScalarType? dtype = null) : base(nameof(ResNet))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        int channels = config.Width;
        conv1 = Conv2d(3, channels, 7, 2, 3, bias: false, device: device, dtype: dtype);
        bn1 = BatchNorm2d(channels, device: device, dtype: dtype);
        layer1 = Stage(0);
        layer2 = Stage(1);
        layer3 = Stage(2);
        layer4 = Stage(3);
        if (config.NumClasses is int classes)
            fc = Linear(channels, classes, true, device, dtype);
        RegisterComponents();
        CnnInit.Apply(this);
        this.DetachFromDisposeScope();

        ModuleList<ResNetBlock> Stage(int index)
        {
            int planes = config.Width << index;
            var blocks = new ResNetBlock[config.Layers[index]];
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = new ResNetBlock(channels, planes, i == 0 && index > 0 ? 2 : 1, config, device, dtype);
                channels = planes * config.Expansion;
            }
            return ModuleList(blocks);
        }
    }

    /// <summary>The network's shape.</summary>
    public ResNetConfig Config { get; }

    /// <summary>The stage whose map gives the patch features, 1 to 4. Default: 4, the last; 3 has four times as many patches.</summary>
    public int PatchStage
    {
        get;
        init => field = value is >= 1 and <= 4 ? value : throw new ArgumentOutOfRangeException(nameof(PatchStage), value, "A ResNet has the stages 1 to 4.");
    } = 4;

    /// <summary>How an image becomes the input. Default: torchvision's sizes, the shorter side to 256 and a centre crop of 224; ImageNet normalisation.</summary>
    public IImagePreprocessor Preprocessor { get => field ??= new DinoPreprocessor(); init; }

    /// <inheritdoc/>
    public Device Device => conv1.weight!.device;

    /// <summary>Reads <c>config.json</c> (see <see cref="ResNetConfig.FromJson"/>) and the weights under torchvision's names; the classifier may be missing.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <param name="patchStage">See <see cref="PatchStage"/>.</param>
    /// <param name="preprocessor">How an image becomes the input; default: see <see cref="Preprocessor"/>.</param>
    /// <returns>The network, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is malformed.</exception>
    /// <exception cref="WeightsFormatException">The weight file is malformed.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static ResNet FromFolder(string folder, Device? device = null, ScalarType? dtype = null, int patchStage = 4, IImagePreprocessor? preprocessor = null)
    {
        ResNetConfig config = ResNetConfig.FromJson(ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json")));
        using SafetensorsFile file = SafetensorsFile.Open(ModelFolder.RequireFile(folder));
        if (!file.Contains("fc.weight"))
            config = config with { NumClasses = null };
        return ModelWeights.Fill(new ResNet(config, META) { PatchStage = patchStage, Preprocessor = preprocessor! }, file, ignore: null, device, dtype);
    }

    /// <summary>The last stage's map averaged over positions, with gradients where they are on. <c>(B,3,H,W) -> (B,D)</c></summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W).</exception>
    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return Maps(pixels)[^1].mean([2, 3]).MoveToOuterDisposeScope();
    }

    /// <summary>The classifier's logits. <c>(B,3,H,W) -> (B,classes)</c></summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W).</exception>
    /// <exception cref="InvalidOperationException">The network has no classifier.</exception>
    public Tensor Classify(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return (fc ?? throw new InvalidOperationException("The network has no classifier.")).call(call(pixels)).MoveToOuterDisposeScope();
    }

    /// <summary>The maps after the stem and after each of the four stages, <c>(B,C,h,w)</c>; the caller disposes them.</summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W).</exception>
    public IReadOnlyList<Tensor> FeatureMaps(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return [.. Maps(pixels).Select(m => m.MoveToOuterDisposeScope())];
    }

    /// <summary>The averaged last map (B,D) and the map of <see cref="PatchStage"/> (B,h,w,C), without gradients.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="Device"/>, <c>(B,3,H,W)</c>.</param>
    /// <returns>Features that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W).</exception>
    public VisionFeatures Encode(Tensor pixels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        List<Tensor> maps = Maps(pixels);
        Tensor patches = maps[PatchStage].permute(0, 2, 3, 1).contiguous();
        return new VisionFeatures(maps[^1].mean([2, 3]).MoveToOuterDisposeScope(), patches.MoveToOuterDisposeScope());
    }

    private List<Tensor> Maps(Tensor pixels)
    {
        PixelShape.Check(pixels, 1);
        Tensor x = functional.max_pool2d(bn1.call(conv1.call(pixels)).relu(), 3, 2, 1);
        List<Tensor> maps = [x];
        foreach (ModuleList<ResNetBlock> stage in new[] { layer1, layer2, layer3, layer4 })
        {
            foreach (ResNetBlock block in stage)
                x = block.call(x);
            maps.Add(x);
        }
        return maps;
    }
}
