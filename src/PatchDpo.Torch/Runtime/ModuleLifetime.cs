using static TorchSharp.torch;

namespace PatchDpo.Torch.Runtime;

/// <summary>Whom a module's weights belong to.</summary>
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
}
