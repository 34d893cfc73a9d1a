using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>A residual block: two 3 x 3 convolutions, or 1 x 1, 3 x 3, 1 x 1. <c>(B,C,H,W) -> (B,C',H/s,W/s)</c></summary>
/// <remarks>Source: torchvision 0.14 <c>models/resnet.py</c>, classes BasicBlock and Bottleneck (the stride sits on the 3 x 3 convolution).</remarks>
internal sealed class ResNetBlock : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly Conv2d? conv3;
    private readonly BatchNorm2d? bn3;
    private readonly Sequential? downsample;

    public ResNetBlock(int channels, int planes, int stride, ResNetConfig config, Device? device, ScalarType? dtype) : base(nameof(ResNetBlock))
    {
        int output = planes * config.Expansion;
        if (config.Bottleneck)
        {
            conv1 = Convolution(channels, planes, 1, 1);
            conv2 = Convolution(planes, planes, 3, stride);
            conv3 = Convolution(planes, output, 1, 1);
            bn3 = Norm(output);
        }
        else
        {
            conv1 = Convolution(channels, planes, 3, stride);
            conv2 = Convolution(planes, planes, 3, 1);
        }
        bn1 = Norm(planes);
        bn2 = Norm(planes);
        if (stride != 1 || channels != output)
            downsample = Sequential(("0", Convolution(channels, output, 1, stride)), ("1", Norm(output)));
        RegisterComponents();

        Conv2d Convolution(int from, int to, int kernel, int step) => Conv2d(from, to, kernel, step, kernel / 2, bias: false, device: device, dtype: dtype);
        BatchNorm2d Norm(int of) => BatchNorm2d(of, device: device, dtype: dtype);
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        Tensor y = bn2.call(conv2.call(bn1.call(conv1.call(x)).relu()));
        if (conv3 is not null)
            y = bn3!.call(conv3.call(y.relu()));
        return (y + (downsample?.call(x) ?? x)).relu().MoveToOuterDisposeScope();
    }
}
