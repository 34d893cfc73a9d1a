using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>Whom a module's weights and an object's tensors belong to, whether they are still there, and whether they change.</summary>
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

    /// <summary>Sets a module to evaluation, without gradients.</summary>
    public static T Frozen<T>(this T module) where T : nn.Module
    {
        module.eval();
        foreach (TorchSharp.Modules.Parameter parameter in module.parameters())
            parameter.requires_grad = false;
        return module;
    }

    /// <summary>Fills a copy that was made alike a module: values, what requires gradients, and whether it is in training.</summary>
    public static T FilledFrom<T>(this T copy, nn.Module original) where T : nn.Module
    {
        using IDisposable noGrad = no_grad();
        foreach ((TorchSharp.Modules.Parameter target, TorchSharp.Modules.Parameter source) in copy.parameters().Zip(original.parameters()))
        {
            target.copy_(source.AliveIn(original));
            target.requires_grad = source.requires_grad;
        }
        copy.train(original.training);
        return copy;
    }

    /// <summary>The tensor, which is its owner's.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed, and so was its owner.</exception>
    public static T AliveIn<T>(this T tensor, object owner) where T : Tensor
    {
        ObjectDisposedException.ThrowIf(tensor.IsInvalid, owner);
        return tensor;
    }
}
