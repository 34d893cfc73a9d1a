using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>Whom a module's weights and an object's tensors belong to, and whether they are still there.</summary>
internal static class ModuleLifetime
{
    /// <summary>Takes the weights out of the dispose scope in which the module was made: they live until the module is disposed.</summary>
    /// <remarks>
    /// TorchSharp does this for the parameters of its Linear, Conv and LayerNorm; those of Embedding and a module's own would
    /// otherwise be disposed with the scope.
    /// </remarks>
    public static void DetachFromDisposeScope(this nn.Module module)
    {
        foreach (Tensor tensor in module.state_dict().Values)
            tensor.DetachFromDisposeScope();
    }

    /// <summary>The tensor, which is its owner's.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed, and so was its owner.</exception>
    public static T AliveIn<T>(this T tensor, object owner) where T : Tensor
    {
        ObjectDisposedException.ThrowIf(tensor.IsInvalid, owner);
        return tensor;
    }
}
