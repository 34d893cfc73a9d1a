using PatchDpo.Torch.Foundation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>Batch normalisation, (B,C,H,W) -> (B,C,H,W): by the batch's own statistics in training, by running ones otherwise.</summary>
/// <remarks>
/// PyTorch's defaults (epsilon 1e-5, momentum 0.1) and state-dict keys. TorchSharp's own frees a number that its native code reads (see
/// <see cref="TensorArithmetic"/>).
/// </remarks>
internal sealed class BatchNormalization : nn.Module<Tensor, Tensor>
{
    private const double Epsilon = 1e-5, Momentum = 0.1;

    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly Tensor running_mean;
    private readonly Tensor running_var;
    private readonly Tensor num_batches_tracked;

    internal BatchNormalization(long channels, Device? device, ScalarType? dtype) : base(nameof(BatchNormalization))
    {
        weight = new Parameter(ones(channels, dtype: dtype, device: device));
        bias = new Parameter(zeros(channels, dtype: dtype, device: device));
        running_mean = zeros(channels, dtype: dtype, device: device);
        running_var = ones(channels, dtype: dtype, device: device);
        num_batches_tracked = zeros([], dtype: ScalarType.Int64, device: device);
        RegisterComponents();
        this.DetachFromDisposeScope();
    }

    /// <inheritdoc />
    public override Tensor forward(Tensor input)
    {
        if (training)
            TensorArithmetic.Increment(num_batches_tracked);
        return nn.functional.batch_norm(input, running_mean, running_var, weight, bias, training, Momentum, Epsilon);
    }
}
