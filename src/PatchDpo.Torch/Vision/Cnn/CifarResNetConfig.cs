using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>The shape of a ResNet for CIFAR's small images.</summary>
/// <remarks>Source: He et al. 2016 (arXiv 1512.03385), section 4.2, and akamaster/pytorch_resnet_cifar10 <c>resnet.py</c>.</remarks>
internal sealed record CifarResNetConfig
{
    /// <summary>How many blocks each of the three stages has: 3 in ResNet-20, 5 in ResNet-32, 9 in ResNet-56. Default: 3.</summary>
    public int BlocksPerStage { get; init => field = ArgumentRange.Within(value, 1); } = 3;

    /// <summary>Channels of the first stage; each further stage doubles them. Default: 16, as in every published one.</summary>
    public int Width { get; init => field = ArgumentRange.Within(value, 1); } = 16;

    /// <summary>Outputs of the classifier, or null for none. Default: 10 (CIFAR-10).</summary>
    public int? NumClasses { get; init => field = value is int n ? ArgumentRange.Within(n, 1) : null; } = 10;

    /// <summary>Reads the shape off a state dict.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static CifarResNetConfig FromWeights(ITensorSource state) => new()
    {
        Width = state.Dimensions("conv1.weight", null, 3, 3, 3)[0],
        BlocksPerStage = state.CountModules("layer1.{0}.conv1.weight"),
        NumClasses = state.Keys.Contains("linear.weight") ? state.Dimensions("linear.weight", null, null)[0] : null,
    };
}
