using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>torchvision's VGG as an image encoder. <c>(B,3,H,W) -> (B,D)</c></summary>
/// <remarks>
/// Source: torchvision 0.14 <c>models/vgg.py</c>; its state-dict keys. A stage ends with each pooling; its map has a step of 2, 4, 8, …
/// pixels. Images are prepared as torchvision's classifiers take them: the shorter side to 256, a centre crop of 224, ImageNet normalisation.
/// </remarks>
internal sealed class Vgg : ConvolutionalEncoder
{
    // The classifier's input is 7 x 7 positions wide, its hidden layers 4096 (torchvision).
    private const int ClassifierGrid = 7, ClassifierWidth = 4096;

    private readonly Sequential features;
    private readonly Sequential? classifier;
    private readonly SafeConv2d _first;

    /// <summary>Creates the network with fresh weights.</summary>
    /// <param name="config">The network's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    public Vgg(VggConfig config, Device? device = null, ScalarType? dtype = null) : base(TorchRuntime.Initialized(nameof(Vgg)))
    {
        ArgumentNullException.ThrowIfNull(config);
        // TorchSharp's convolutions and embeddings leave a tensor behind when they are made.
        using DisposeScope scope = NewDisposeScope();
        Config = config;
        var layers = new List<Module<Tensor, Tensor>>();
        int channels = 3;
        foreach (int layer in config.Layers)
        {
            if (layer == VggConfig.Pool)
            {
                layers.Add(MaxPool2d(2, 2));
                continue;
            }
            layers.Add(new SafeConv2d(channels, layer, 3, padding: 1, device: device, dtype: dtype));
            layers.Add(ReLU());
            channels = layer;
        }
        features = Sequential(layers.Select((l, i) => ($"{i}", l)).ToArray());
        if (config.NumClasses is int classes)
        {
            classifier = Sequential(
                ("0", Linear((long)channels * ClassifierGrid * ClassifierGrid, ClassifierWidth, true, device, dtype)), ("1", ReLU()), ("2", Dropout()),
                ("3", Linear(ClassifierWidth, ClassifierWidth, true, device, dtype)), ("4", ReLU()), ("5", Dropout()),
                ("6", Linear(ClassifierWidth, classes, true, device, dtype)));
        }
        RegisterComponents();
        // After it: this is no component of its own.
        _first = features.children().OfType<SafeConv2d>().First();
        CnnInit.Apply(this);
        this.DetachFromDisposeScope();
    }

    /// <summary>The network's shape.</summary>
    public VggConfig Config { get; }

    /// <inheritdoc/>
    public override int Stages => Config.Stages;

    /// <summary>
    /// Reads <c>config.json</c> (see <see cref="VggConfig.FromJson"/>) and the weights under torchvision's names; the classifier may be missing.
    /// </summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <param name="preprocessor">How an image becomes the input; default: see <see cref="ConvolutionalEncoder.Preprocessor"/>.</param>
    /// <returns>The network, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is malformed.</exception>
    /// <exception cref="WeightsFormatException">A weight file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static Vgg FromFolder(string folder, Device? device = null, ScalarType? dtype = null, IImagePreprocessor? preprocessor = null)
    {
        ModelConfig json = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        VggConfig config = VggConfig.FromJson(json);
        using ITensorFile file = ModelFolder.OpenWeights(folder);
        json.RequireTensorsFor("layers", config.Layers.Count - config.Stages, file);
        if (!file.Contains("classifier.0.weight"))
            config = config with { NumClasses = null };
        return ModelWeights.Fill(new Vgg(config, TorchRuntime.Meta) { Preprocessor = preprocessor! }, file,
            ignore: null, device, dtype);
    }

    /// <summary>The classifier's logits. <c>(B,3,H,W) -> (B,classes)</c></summary>
    /// <exception cref="ArgumentException">The image is too small for the poolings, or not (B,3,H,W).</exception>
    /// <exception cref="InvalidOperationException">The network has no classifier.</exception>
    public Tensor Classify(Tensor pixels)
    {
        if (classifier is null)
            throw new InvalidOperationException("The network has no classifier.");
        using DisposeScope scope = NewDisposeScope();
        Tensor grid = functional.adaptive_avg_pool2d(AliveMaps(pixels)[^1], [ClassifierGrid, ClassifierGrid]);
        return classifier.call(grid.flatten(1)).MoveToOuterDisposeScope();
    }

    private protected override Parameter Anchor => _first.Weight;

    private protected override List<Tensor> Maps(Tensor pixels)
    {
        PixelShape.Check(pixels, 1 << Config.Stages);
        Tensor x = pixels;
        List<Tensor> maps = [];
        foreach (Module<Tensor, Tensor> layer in features.children().Cast<Module<Tensor, Tensor>>())
        {
            x = layer.call(x);
            if (layer is MaxPool2d)
                maps.Add(x);
        }
        return maps;
    }

    private protected override IEnumerable<IReadOnlyList<Module>> PatchParts()
    {
        int pools = 0;
        foreach (Module layer in features.children())
        {
            if (layer is SafeConv2d)
                yield return [layer];
            else if (layer is MaxPool2d && ++pools == LastPatchStage)
                yield break;
        }
    }

    private protected override int Step(int stage) => 1 << stage;

    private protected override IImagePreprocessor CreatePreprocessor(int? imageSize, PixelNormalization? normalization)
        => ClassificationPreprocessor.ForSize(imageSize, normalization);
}
