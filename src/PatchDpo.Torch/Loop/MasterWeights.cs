using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Loop;

/// <summary>
/// Float32 weights of modules that compute in bfloat16: a step's change is often smaller than what bfloat16 tells apart, and would be lost there.
/// </summary>
/// <remarks>Mixed precision training (Micikevicius et al., arXiv 1710.03740); bfloat16 has float32's range, so that the loss needs no scale.</remarks>
internal sealed class MasterWeights : IDisposable
{
    private readonly nn.Module[] _modules;
    private readonly (string Name, Parameter Value)[] _values;
    private Parameter[] _live;

    /// <summary>Keeps the modules' weights and turns the modules to bfloat16; all their parameters are trained.</summary>
    /// <param name="modules">Float32 modules; they stay the caller's.</param>
    public MasterWeights(IEnumerable<nn.Module> modules)
    {
        _modules = [.. modules];
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        _values = [.. _modules.SelectMany((module, i) => module.named_parameters().Select(p => ($"{i}.{p.name}", Copy(p.parameter))))];
        _live = Turn(ScalarType.BFloat16);
    }

    /// <summary>The float32 weights, which the optimiser changes.</summary>
    public IReadOnlyList<(string Name, Parameter Value)> Values => _values;

    /// <summary>Adds the modules' gradients to those of the weights, in float32, and sets the modules' to zero.</summary>
    public void TakeGradients()
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        for (int i = 0; i < _live.Length; i++)
        {
            if (_live[i].grad is not { } gradient)
                continue;
            Tensor exact = gradient.to(ScalarType.Float32);
            Parameter value = _values[i].Value;
            value.grad = value.grad is { } before ? before.Plus(exact) : exact;
            gradient.zero_();
        }
    }

    /// <summary>The modules compute with the weights as they are now.</summary>
    public void Publish()
    {
        using IDisposable noGrad = no_grad();
        for (int i = 0; i < _live.Length; i++)
            _live[i].copy_(_values[i].Value);
    }

    /// <summary>Turns the modules back to float32, with the weights as they are now.</summary>
    public void Finish()
    {
        using IDisposable noGrad = no_grad();
        _live = Turn(ScalarType.Float32);
        Publish();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((_, Parameter value) in _values)
            value.Dispose();
    }

    // A module's parameters are other objects when its type has changed.
    private Parameter[] Turn(ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (nn.Module module in _modules)
            module.to(dtype);
        return [.. _modules.SelectMany(m => m.named_parameters().Select(p => p.parameter))];
    }

    private static Parameter Copy(Parameter parameter)
    {
        Parameter copy = new(parameter.detach().to(ScalarType.Float32, copy: true));
        copy.DetachFromDisposeScope();
        return copy;
    }
}
