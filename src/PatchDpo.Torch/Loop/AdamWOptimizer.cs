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
    private readonly Parameter[] _parameters;
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
        _parameters = [.. parameters];
        Means = [.. _parameters.Select(Zeros)];
        Squares = [.. _parameters.Select(Zeros)];
        Steps = new long[_parameters.Length];
    }

    /// <summary>The rate of the next step.</summary>
    internal double LearningRate { get; set; }

    /// <summary>The gradients' means, in the parameters' order.</summary>
    internal IReadOnlyList<Tensor> Means { get; }

    /// <summary>The means of their squares.</summary>
    internal IReadOnlyList<Tensor> Squares { get; }

    /// <summary>How often each parameter was changed: a step in which it has no gradient does not count.</summary>
    internal long[] Steps { get; }

    /// <summary>Sets all gradients to zero.</summary>
    internal void ZeroGradients()
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        foreach (Parameter parameter in _parameters)
            parameter.grad?.zero_();
    }

    /// <summary>Changes the parameters by their gradients.</summary>
    internal void Step()
    {
        using IDisposable noGrad = no_grad();
        for (int i = 0; i < _parameters.Length; i++)
            Step(i);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in Means.Concat(Squares))
            tensor.Dispose();
    }

    private void Step(int index)
    {
        using DisposeScope scope = NewDisposeScope();
        Parameter parameter = _parameters[index];
        if (parameter.grad is not { } gradient)
            return;
        (Tensor mean, Tensor square, long steps) = (Means[index], Squares[index], ++Steps[index]);
        double correction1 = 1 - Math.Pow(_beta1, steps), correction2 = 1 - Math.Pow(_beta2, steps);
        using Scalar decay = (1 - (LearningRate * _weightDecay)).ToScalar(), beta1 = _beta1.ToScalar(), rest1 = (1 - _beta1).ToScalar(),
            beta2 = _beta2.ToScalar(), rest2 = (1 - _beta2).ToScalar(), root = Math.Sqrt(correction2).ToScalar(), epsilon = _epsilon.ToScalar(),
                step = (-LearningRate / correction1).ToScalar();
        parameter.mul_(decay);
        mean.mul_(beta1).add_(gradient, rest1);
        square.mul_(beta2).addcmul_(gradient, gradient, rest2);
        Tensor denominator = square.sqrt().div_(root).PlusInPlace(epsilon);
        parameter.addcdiv_(mean, denominator, step);
    }

    private static Tensor Zeros(Parameter parameter) => zeros_like(parameter).DetachFromDisposeScope();
}
