using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>2-D convolutions that are right on every processor.</summary>
/// <remarks>
/// On the CPU libtorch hands batches of at least two to oneDNN, which computes in blocks of 16 channels and clears what a last, partial block
/// leaves free. On some processors it does not (seen with libtorch 2.10, oneDNN 3.7.1, on AMD's family 26 under a hypervisor): whatever
/// lay in that memory goes into the result, as wrong values or NaN, and into gradients. Whether this process's processor is such a one is
/// tried once; if it is, channels are filled up with zeros to whole blocks before oneDNN sees them, which is right and costs little, for
/// large layers have whole blocks.
/// </remarks>
internal static class Convolutions
{
    private const long Block = 16;

    private static readonly Lazy<bool> s_partialBlocksAreWrong = new(PartialBlocksAreWrong);

    /// <summary>The layer's output, (B,C,H,W) -> (B,C',H',W').</summary>
    internal static Tensor Convolve(this Conv2d layer, Tensor x)
        => x.device_type == DeviceType.CPU && (layer.in_channels % Block != 0 || layer.out_channels % Block != 0) && s_partialBlocksAreWrong.Value
            ? InWholeBlocks(layer, x)
            : layer.call(x);

    /// <summary>The output of a layer that may be a convolution.</summary>
    internal static Tensor Run(this nn.Module<Tensor, Tensor> layer, Tensor x) => layer is Conv2d convolution ? convolution.Convolve(x) : layer.call(x);

    /// <summary>The layers' outputs one after the other.</summary>
    internal static Tensor Convolve(this Sequential layers, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (nn.Module layer in layers.children())
            x = ((nn.Module<Tensor, Tensor>)layer).Run(x);
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>The layer's output, computed in whole blocks of channels whatever the processor.</summary>
    internal static Tensor InWholeBlocks(Conv2d layer, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        long inputs = Missing(layer.in_channels), outputs = Missing(layer.out_channels);
        Tensor padded = Pad(x, 0, 0, 0, 0, 0, inputs), weight = Pad(layer.weight!, 0, 0, 0, 0, 0, inputs, 0, outputs);
        Tensor? bias = layer.bias is { } given ? Pad(given, 0, outputs) : null;
        Tensor y = nn.functional.conv2d(padded, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups);
        return y.narrow(1, 0, layer.out_channels).contiguous().MoveToOuterDisposeScope();
    }

    private static long Missing(long channels) => (Block - (channels % Block)) % Block;

    private static Tensor Pad(Tensor x, params long[] widths) => widths.All(w => w == 0) ? x : nn.functional.pad(x, widths);

    // 24 channels of ones under 3 x 3 x 24 ones: 216 wherever the kernel lies inside. What lay in the memory before is NaN.
    private static bool PartialBlocksAreWrong()
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor x = TensorArithmetic.Filled([2, 24, 8, 8], 1, ScalarType.Float32), weight = TensorArithmetic.Filled([16, 24, 3, 3], 1, ScalarType.Float32);
        for (int round = 0; round < 8; round++)
        {
            foreach (long size in new[] { 2 * 32 * 8 * 8L, 16 * 32 * 3 * 3 })
            {
                Tensor[] poison = [.. Enumerable.Range(0, 4).Select(_ => TensorArithmetic.Filled([size], double.NaN, ScalarType.Float32))];
                foreach (Tensor tensor in poison)
                    tensor.Dispose();
            }
            Tensor inside = nn.functional.conv2d(x, weight, padding: [1, 1]).narrow(2, 1, 6).narrow(3, 1, 6);
            if (!inside.EqualTo(216).all().item<bool>())
                return true;
        }
        return false;
    }
}
