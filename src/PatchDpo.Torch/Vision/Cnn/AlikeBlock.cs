using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>Two 3 x 3 convolutions, with or without a shortcut by a 1 x 1 convolution. <c>(B,C,H,W) -> (B,C',H,W)</c></summary>
/// <remarks>Source: Shiaoming/ALIKE <c>alnet.py</c>, classes ConvBlock and ResBlock; the shortcut has a bias and no normalisation.</remarks>
internal sealed class AlikeBlock : Module<Tensor, Tensor>
{
    private readonly SafeConv2d conv1;
    private readonly BatchNormalization bn1;
    private readonly SafeConv2d conv2;
    private readonly BatchNormalization bn2;
    private readonly SafeConv2d? downsample;

    public AlikeBlock(int channels, int planes, bool residual, Device? device, ScalarType? dtype) : base(nameof(AlikeBlock))
    {
        conv1 = new SafeConv2d(channels, planes, 3, padding: 1, bias: false, device: device, dtype: dtype);
        bn1 = new BatchNormalization(planes, device, dtype);
        conv2 = new SafeConv2d(planes, planes, 3, padding: 1, bias: false, device: device, dtype: dtype);
        bn2 = new BatchNormalization(planes, device, dtype);
        if (residual)
            downsample = new SafeConv2d(channels, planes, 1, device: device, dtype: dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor y = bn2.call(conv2.call(bn1.call(conv1.call(x)).relu()));
        if (downsample is not null)
            y = y.Plus(downsample.call(x));
        return y.relu().MoveToOuterDisposeScope();
    }
}
