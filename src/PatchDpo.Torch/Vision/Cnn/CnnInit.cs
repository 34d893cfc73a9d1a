using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>Fresh weights for a convolutional network.</summary>
internal static class CnnInit
{
    /// <summary>Convolutions from a normal distribution scaled by their fan-out, their biases 0; the rest as constructed.</summary>
    /// <remarks>Source: torchvision 0.14 <c>models/resnet.py</c> and <c>models/vgg.py</c>.</remarks>
    public static void Apply(Module module)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (SafeConv2d convolution in module.modules().OfType<SafeConv2d>())
        {
            init.kaiming_normal_(convolution.Weight, mode: init.FanInOut.FanOut, nonlinearity: init.NonlinearityType.ReLU);
            if (convolution.Bias is { } bias)
                init.zeros_(bias);
        }
    }
}
