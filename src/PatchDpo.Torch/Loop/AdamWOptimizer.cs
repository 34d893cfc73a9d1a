using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Loop;

/// <summary>AdamW over a fixed set of parameters.</summary>
/// <remarks>
/// Loshchilov and Hutter, arXiv 1711.05101, in the order of PyTorch's operations, so that the values are PyTorch's to the last bit.
/// TorchSharp's own frees numbers that its native code reads, eight a parameter and step (see <see cref="TensorArithmetic"/>).
/// A parameter without a gradient is left as it is.
/// </remarks>
internal sealed class AdamWOptimizer : IDisposable
{
    private readonly List<Slot> _slots;
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _epsilon;
    private readonly double _weightDecay;

    /// <param name="parameters">The trained values.</param>
    /// <param name="learningRate">The first rate.</param>
    /// <param name="beta1">Decay of the gradients' mean, in [0, 1). Default: PyTorch's.</param>
    /// <param name="beta2">Decay of the mean of their squares, in [0, 1). Default: PyTorch's.</param>
    /// <param name="epsilon">Added to the root. Default: PyTorch's.</param>
    /// <param name="weightDecay">Share of the value that a step at rate 1 takes away. Default: PyTorch's.</param>
    internal AdamWOptimizer(IEnumerable<Parameter> parameters, double learningRate, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8,
        double weightDecay = 0.01)
    {
        LearningRate = learningRate;
        _beta1 = beta1;
        _beta2 = beta2;
        _epsilon = epsilon;
        _weightDecay = weightDecay;
        _slots = [.. parameters.Select(p => new Slot(p))];
    }

    /// <summary>The rate of the next step.</summary>
    internal double LearningRate { get; set; }

    /// <summary>Sets all gradients to zero.</summary>
    internal void ZeroGradients()
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        foreach (Slot slot in _slots)
            slot.Parameter.grad?.zero_();
    }

    /// <summary>Changes the parameters by their gradients.</summary>
    internal void Step()
    {
        using IDisposable noGradient = no_grad();
        foreach (Slot slot in _slots)
            Step(slot);
    }

    /// <inheritdoc/>
    public void Dispose() => _slots.ForEach(s => s.Dispose());

    private void Step(Slot slot)
    {
        using DisposeScope scope = NewDisposeScope();
        if (slot.Parameter.grad is not { } gradient)
            return;
        slot.Steps++;
        double correction1 = 1 - Math.Pow(_beta1, slot.Steps), correction2 = 1 - Math.Pow(_beta2, slot.Steps);
        using Scalar decay = (1 - (LearningRate * _weightDecay)).ToScalar(), beta1 = _beta1.ToScalar(), rest1 = (1 - _beta1).ToScalar(),
            beta2 = _beta2.ToScalar(), rest2 = (1 - _beta2).ToScalar(), root = Math.Sqrt(correction2).ToScalar(), epsilon = _epsilon.ToScalar(),
                step = (-LearningRate / correction1).ToScalar();
        slot.Parameter.mul_(decay);
        slot.Mean.mul_(beta1).add_(gradient, rest1);
        slot.Square.mul_(beta2).addcmul_(gradient, gradient, rest2);
        Tensor denominator = slot.Square.sqrt().div_(root).PlusInPlace(epsilon);
        slot.Parameter.addcdiv_(slot.Mean, denominator, step);
    }

    private sealed class Slot(Parameter parameter) : IDisposable
    {
        internal Parameter Parameter { get; } = parameter;

        internal Tensor Mean { get; } = zeros_like(parameter).DetachFromDisposeScope();

        internal Tensor Square { get; } = zeros_like(parameter).DetachFromDisposeScope();

        internal long Steps { get; set; }

        public void Dispose()
        {
            Mean.Dispose();
            Square.Dispose();
        }
    }
}
