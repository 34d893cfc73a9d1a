using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>A residual block: two 3 x 3 convolutions, or 1 x 1, 3 x 3, 1 x 1. <c>(B,C,H,W) -> (B,C',H/s,W/s)</c></summary>
/// <remarks>
/// Sources: torchvision 0.14 <c>models/resnet.py</c>, classes BasicBlock and Bottleneck (the stride sits on the 3 x 3
/// convolution), and akamaster/pytorch_resnet_cifar10 <c>resnet.py</c>, whose shortcuts have no weights (He et al. 2016, option A).
/// </remarks>
internal sealed class ResNetBlock : Module<Tensor, Tensor>
{
    // How many times wider a bottleneck's output is than its 3 x 3 convolution.
    private const int BottleneckExpansion = 4;

    private readonly SafeConv2d conv1;
    private readonly BatchNormalization bn1;
    private readonly SafeConv2d conv2;
    private readonly BatchNormalization bn2;
    private readonly SafeConv2d? conv3;
    private readonly BatchNormalization? bn3;
    private readonly Sequential? downsample;
    private readonly int _stride;
    private readonly int _addedChannels;

    /// <param name="channels">Channels in.</param>
    /// <param name="planes">Channels of the 3 x 3 convolutions.</param>
    /// <param name="stride">1, or 2 to halve the map.</param>
    /// <param name="kind">Which convolutions and which shortcut.</param>
    /// <param name="device">Where the weights live.</param>
    /// <param name="dtype">The weights' type.</param>
    public ResNetBlock(int channels, int planes, int stride, ResNetBlockKind kind, Device? device, ScalarType? dtype) : base(nameof(ResNetBlock))
    {
        int output = kind == ResNetBlockKind.Bottleneck ? planes * BottleneckExpansion : planes;
        if (kind == ResNetBlockKind.Bottleneck)
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
        _stride = stride;
        _addedChannels = output - channels;
        if (kind != ResNetBlockKind.BasicPadded && (stride != 1 || channels != output))
            downsample = Sequential(("0", Convolution(channels, output, 1, stride)), ("1", Norm(output)));
        RegisterComponents();

        SafeConv2d Convolution(int from, int to, int kernel, int step)
            => new SafeConv2d(from, to, kernel, step, kernel / 2, bias: false, device: device, dtype: dtype);
        BatchNormalization Norm(int of) => new(of, device, dtype);
    }

    /// <summary>A stage of blocks, of which the first halves the map where <paramref name="stride"/> is 2.</summary>
    /// <param name="channels">Channels in; afterwards the stage's.</param>
    /// <param name="planes">Channels of the 3 x 3 convolutions.</param>
    /// <param name="count">How many blocks.</param>
    /// <param name="stride">The first block's stride.</param>
    /// <param name="kind">Which blocks.</param>
    /// <param name="device">Where the weights live.</param>
    /// <param name="dtype">The weights' type.</param>
    public static ModuleList<ResNetBlock> Stage(ref int channels, int planes, int count, int stride, ResNetBlockKind kind, Device? device, ScalarType? dtype)
    {
        var blocks = new ResNetBlock[count];
        for (int i = 0; i < count; i++)
        {
            blocks[i] = new ResNetBlock(channels, planes, i == 0 ? stride : 1, kind, device, dtype);
            channels = kind == ResNetBlockKind.Bottleneck ? planes * BottleneckExpansion : planes;
        }
        return ModuleList(blocks);
    }

    /// <summary>A stem's map and the map after each stage, in the current dispose scope.</summary>
    public static List<Tensor> Maps(Tensor stem, params ReadOnlySpan<ModuleList<ResNetBlock>> stages)
    {
        List<Tensor> maps = [stem];
        foreach (ModuleList<ResNetBlock> stage in stages)
        {
            Tensor x = maps[^1];
            foreach (ResNetBlock block in stage)
                x = block.call(x);
            maps.Add(x);
        }
        return maps;
    }

    /// <summary>The blocks of the first stages, each by itself.</summary>
    public static IEnumerable<IReadOnlyList<Module>> Parts(int stages, params ModuleList<ResNetBlock>[] all)
        => all.Take(stages).SelectMany(s => s).Select(b => (IReadOnlyList<Module>)[b]);

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor y = bn2.call(conv2.call(bn1.call(conv1.call(x)).relu()));
        if (conv3 is not null)
            y = bn3!.call(conv3.call(y.relu()));
        return y.Plus(downsample?.call(x) ?? Subsampled(x)).relu().MoveToOuterDisposeScope();
    }

    /// <summary>The input as it is or, in a block without weights on its shortcut, every other pixel of it between channels of zeros.</summary>
    private Tensor Subsampled(Tensor x)
    {
        if (_stride > 1)
            x = x.slice(2, 0, x.shape[2], _stride).slice(3, 0, x.shape[3], _stride);
        int before = _addedChannels / 2;
        return _addedChannels == 0 ? x : functional.pad(x, [0, 0, 0, 0, before, _addedChannels - before]);
    }
}
