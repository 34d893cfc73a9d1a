using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Takes back what a training in place did: modes and gradient flags always, weights and buffers unless the training is kept.</summary>
internal sealed class TrainingRollback : IDisposable
{
    private readonly (nn.Module Module, bool Training)[] _modes;
    private readonly (Parameter Parameter, bool Required)[] _flags;
    private readonly (Tensor Live, Tensor Copy)[] _values;
    private bool _kept;

    /// <summary>Copies what may change.</summary>
    /// <param name="module">The module that is trained; its buffers are copied. Null: none.</param>
    /// <param name="all">The parameters whose flags may change.</param>
    /// <param name="trained">Those whose values may, which are copied.</param>
    public TrainingRollback(nn.Module? module, IEnumerable<Parameter> all, IEnumerable<Parameter> trained)
    {
        // Parents first: setting a module's mode sets its children's.
        _modes = module is null ? [] : [(module, module.training), .. module.named_modules().OrderBy(m => m.name.Count(c => c == '.'))
            .Select(m => (m.module, m.module.training))];
        _flags = [.. all.Select(p => (p, p.requires_grad))];
        using DisposeScope scope = NewDisposeScope();
        _values = [.. trained.Concat(module?.buffers() ?? []).Select(t => (t, t.detach().clone().DetachFromDisposeScope()))];
    }

    /// <summary>The training succeeded: its weights stay.</summary>
    public void Keep() => _kept = true;

    public void Dispose()
    {
        using IDisposable noGrad = no_grad();
        foreach ((Tensor live, Tensor copy) in _values)
        {
            if (!_kept)
                live.copy_(copy);
            copy.Dispose();
        }
        foreach ((Parameter parameter, bool required) in _flags)
            parameter.requires_grad = required;
        foreach ((nn.Module module, bool training) in _modes)
            module.train(training);
    }
}
