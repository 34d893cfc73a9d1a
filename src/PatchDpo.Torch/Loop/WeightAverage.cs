using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Loop;

/// <summary>The exponential moving average of weights over the steps of a training.</summary>
/// <param name="parameters">The weights.</param>
/// <param name="decay">What a step leaves of the average at most, in [0, 1).</param>
/// <remarks>
/// diffusers' <c>EMAModel</c> without its other warm-up: the decay of step n (from 1) is the least of the given one and n / (9 + n), and the first
/// step's weights are the first average.
/// </remarks>
internal sealed class WeightAverage(IReadOnlyList<Parameter> parameters, double decay) : IDisposable
{
    private readonly Tensor[] _averages = [.. parameters.Select(Copy)];

    /// <summary>The averages, in the parameters' order.</summary>
    public IReadOnlyList<Tensor> Averages => _averages;

    /// <summary>Takes in the weights that a step left.</summary>
    /// <param name="step">The step, from 1.</param>
    public void Add(int step)
    {
        using IDisposable noGrad = no_grad();
        double left = step == 1 ? 0 : Math.Min(decay, step / (9.0 + step));
        using Scalar rest = (1 - left).ToScalar();
        for (int i = 0; i < _averages.Length; i++)
        {
            using Tensor difference = parameters[i] - _averages[i];
            _averages[i].add_(difference, rest);
        }
    }

    /// <summary>The weights become their averages.</summary>
    public void CopyToParameters() => CopyTo(parameters);

    /// <summary>Other weights become the averages.</summary>
    /// <param name="others">In the parameters' order.</param>
    public void CopyTo(IEnumerable<Parameter> others)
    {
        using IDisposable noGrad = no_grad();
        foreach ((Parameter other, Tensor average) in others.Zip(_averages))
            other.copy_(average);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor average in _averages)
            average.Dispose();
    }

    private static Tensor Copy(Parameter parameter)
    {
        using DisposeScope scope = NewDisposeScope();
        return parameter.detach().clone().DetachFromDisposeScope();
    }
}
