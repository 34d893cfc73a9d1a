using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>A part of a network that keeps its input alone for the backward pass, and is computed once more there (gradient checkpointing).</summary>
/// <remarks>
/// Chen et al., arXiv 1604.06174. The parameters that the part uses get their gradients in the second computation. The part must compute the same
/// again: no dropout, and nothing of it is a function of a tensor with a gradient but its input and leaves.
/// </remarks>
internal sealed class Recomputed : autograd.SingleTensorFunction<Recomputed>
{
    private const string PartKey = "part";

    // Native code calls the backward function, and an exception that left it would end the process.
    [ThreadStatic]
    private static Exception? s_failure;

    /// <inheritdoc/>
    public override string Name => nameof(Recomputed);

    /// <summary>Applies a part to its input.</summary>
    /// <param name="part">Tensor to tensor.</param>
    /// <param name="input">Its input.</param>
    /// <returns>What the part gives, in the current dispose scope.</returns>
    public static Tensor Apply(Func<Tensor, Tensor> part, Tensor input)
    {
        if (!is_grad_enabled())
            return part(input);
        // A function whose inputs have no gradient has none itself, although the part's parameters may.
        using Tensor anchor = zeros(0, device: input.device, requires_grad: true);
        return apply(part, input, anchor);
    }

    /// <summary>
    /// What the last backward pass of this thread failed with, forgotten then; null: it did not. The gradients of a pass that failed are NaN.
    /// </summary>
    public static Exception? TakeFailure()
    {
        Exception? failure = s_failure;
        s_failure = null;
        return failure;
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        (Func<Tensor, Tensor> part, Tensor input) = ((Func<Tensor, Tensor>)vars[0], (Tensor)vars[1]);
        ctx.save_for_backward([input]);
        ctx.save_data(PartKey, part);
        using IDisposable noGrad = no_grad();
        return part(input);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor input = ctx.get_saved_variables()[0];
        bool hasGradient = input.requires_grad;
        using IDisposable grad = enable_grad();
        Tensor again = input.detach().requires_grad_(hasGradient);
        try
        {
            ((Func<Tensor, Tensor>)ctx.get_data(PartKey))(again).backward([grad_output]);
        }
        catch (Exception e)
        {
            // What is not finite is not trained with, and whoever finds that asks for the cause.
            s_failure = e;
            return [null!, input.detach().Times(double.NaN).MoveToOuterDisposeScope(), null!];
        }
        return [null!, hasGradient ? again.grad!.MoveToOuterDisposeScope() : null!, null!];
    }
}
