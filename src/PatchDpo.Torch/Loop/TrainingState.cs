using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Loop;

/// <summary>All that a training knows beside its options and data: with it, another process goes on to the same bits.</summary>
/// <param name="Tensors">By name. A loop's own are the live ones, which its next step changes.</param>
/// <param name="Numbers">Counters, by name.</param>
internal sealed record TrainingState(IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, long> Numbers) : IDisposable
{
    /// <summary>A copy that stays as it is, the caller's to dispose.</summary>
    public TrainingState Copy()
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return new(Tensors.ToDictionary(t => t.Key, t => t.Value.detach().clone().DetachFromDisposeScope()), new Dictionary<string, long>(Numbers));
    }

    /// <summary>Disposes the tensors; not for a loop's own state, whose tensors are the loop's.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in Tensors.Values)
            tensor.Dispose();
    }
}
