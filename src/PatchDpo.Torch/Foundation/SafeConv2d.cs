using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>A 2-D convolution that is right on every processor: <c>(B,C,H,W) -> (B,C',H',W')</c>.</summary>
/// <remarks>
/// PyTorch's Conv2d with its state-dict keys and initial values. On the CPU libtorch hands batches of at least two to oneDNN, which computes
/// in blocks of 16 channels and clears what a last, partial block leaves free. On some processors it does not (seen with libtorch 2.10,
/// oneDNN 3.7.1, on AMD's family 26 under a hypervisor): whatever lay in that memory goes into the result and into gradients, as wrong values
/// or NaN. Whether this process's processor is such a one is tried once; if it is, channels are filled up with zeros to whole blocks before
/// oneDNN sees them. That costs little: large layers have whole blocks.
/// </remarks>
internal sealed class SafeConv2d : nn.Module<Tensor, Tensor>
{
    private const long Block = 16;

    private static readonly Lazy<bool> PartialBlocksAreWrong = new(TryPartialBlocks);

    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly long[] _stride;
    private readonly long[] _padding;

    internal SafeConv2d(long inputs, long outputs, long kernel, long stride = 1, long padding = 0, bool bias = true, Device? device = null,
        ScalarType? dtype = null)
        : base(nameof(SafeConv2d))
    {
        _stride = [stride, stride];
        _padding = [padding, padding];
        weight = new Parameter(empty([outputs, inputs, kernel, kernel], dtype, device));
        nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
        if (bias)
        {
            double bound = 1 / Math.Sqrt(inputs * kernel * kernel);
            this.bias = new Parameter(empty([outputs], dtype, device));
            nn.init.uniform_(this.bias, -bound, bound);
        }
        RegisterComponents();
        this.DetachFromDisposeScope();
    }

    /// <summary>The kernels, <c>(C',C,k,k)</c>.</summary>
    internal Parameter Weight => weight;

    /// <summary>Added to each output channel, <c>(C')</c>; null where there is none.</summary>
    internal Parameter? Bias => bias;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
        => input.device_type == DeviceType.CPU && (weight.shape[0] % Block != 0 || weight.shape[1] % Block != 0) && PartialBlocksAreWrong.Value
            ? InWholeBlocks(input)
            : nn.functional.conv2d(input, weight, bias, _stride, _padding);

    /// <summary>The output, computed in whole blocks of channels whatever the processor.</summary>
    internal Tensor InWholeBlocks(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        long inputs = Missing(weight.shape[1]), outputs = Missing(weight.shape[0]);
        Tensor padded = Pad(input, 0, 0, 0, 0, 0, inputs), kernels = Pad(weight, 0, 0, 0, 0, 0, inputs, 0, outputs);
        Tensor? offsets = bias is null ? null : Pad(bias, 0, outputs);
        return nn.functional.conv2d(padded, kernels, offsets, _stride, _padding).narrow(1, 0, weight.shape[0]).contiguous().MoveToOuterDisposeScope();
    }

    private static long Missing(long channels) => (Block - (channels % Block)) % Block;

    private static Tensor Pad(Tensor x, params long[] widths) => widths.All(w => w == 0) ? x : nn.functional.pad(x, widths);

    // 24 channels of ones under 3 x 3 x 24 ones: 216 wherever the kernel lies inside. What lay in the memory before is NaN.
    private static bool TryPartialBlocks()
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor x = TensorArithmetic.Filled([2, 24, 8, 8], 1, ScalarType.Float32), kernels = TensorArithmetic.Filled([16, 24, 3, 3], 1, ScalarType.Float32);
        for (int round = 0; round < 8; round++)
        {
            foreach (long size in new[] { 2 * 32 * 8 * 8L, 16 * 32 * 3 * 3 })
            {
                Tensor[] poison = [.. Enumerable.Range(0, 4).Select(_ => TensorArithmetic.Filled([size], double.NaN, ScalarType.Float32))];
                foreach (Tensor tensor in poison)
                    tensor.Dispose();
            }
            Tensor inside = nn.functional.conv2d(x, kernels, padding: [1, 1]).narrow(2, 1, 6).narrow(3, 1, 6);
            if (!inside.EqualTo(216).all().item<bool>())
                return true;
        }
        return false;
    }
}
