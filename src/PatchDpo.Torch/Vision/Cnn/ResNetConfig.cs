using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>The shape of a torchvision ResNet.</summary>
/// <remarks>Source: torchvision 0.14 <c>models/resnet.py</c>. torchvision has no configuration file; the JSON fields are ours.</remarks>
internal sealed record ResNetConfig
{
    /// <summary>Whether the blocks are bottlenecks (ResNet-50 and up) rather than pairs of 3 x 3 convolutions.</summary>
    public required bool Bottleneck { get; init; }

    /// <summary>How many blocks each of the four stages has: 2,2,2,2 in ResNet-18; 3,4,6,3 in ResNet-50.</summary>
    public required IReadOnlyList<int> Layers
    {
        get;
        init => field = value is { Count: 4 } && value.All(n => n > 0)
            ? [.. value]
            : throw new ArgumentException("A ResNet has four stages of at least one block.", nameof(Layers));
    }

    /// <summary>Channels of the first stage; each further stage doubles them. Default: 64 (torchvision).</summary>
    public int Width { get; init => field = ArgumentRange.Within(value, 1); } = 64;

    /// <summary>Outputs of the classifier, or null for none. Default: 1000 (ImageNet).</summary>
    public int? NumClasses { get; init => field = value is int v ? ArgumentRange.Within(v, 1) : null; } = 1000;

    /// <summary>Reads <c>block</c> ("BasicBlock" or "Bottleneck"), <c>layers</c>, <c>width</c> and <c>num_classes</c>.</summary>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static ResNetConfig FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        int[] layers = json.GetInt32Array("layers", 4);
        if (layers.Any(n => n is < 1 or > ConfigFields.MaxLayers))
            throw json.Fault("layers", $"a stage has at least one block, and at most {ConfigFields.MaxLayers}.");
        return new ResNetConfig
        {
            Bottleneck = json.GetChoice("block", null, ("BasicBlock", false), ("Bottleneck", true)),
            Layers = layers,
            Width = json.GetPositive("width", 64),
            NumClasses = json.GetPositive("num_classes", 1000),
        };
    }

    /// <summary>Reads the shape off a state dict.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static ResNetConfig FromWeights(ITensorSource state) => new()
    {
        Width = state.Dimensions("conv1.weight", null, 3, 7, 7)[0],
        Bottleneck = state.Keys.Contains("layer1.0.conv3.weight"),
        Layers = [.. Enumerable.Range(1, 4).Select(i => state.CountModules($"layer{i}.{{0}}.conv1.weight"))],
        NumClasses = state.Keys.Contains("fc.weight") ? state.Dimensions("fc.weight", null, null)[0] : null,
    };
}
