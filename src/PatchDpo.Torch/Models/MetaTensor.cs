using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Models;

/// <summary>Gives storage to parameters and buffers that were made on the meta device.</summary>
internal static class MetaTensor
{
    // TorchSharp's modules that compute with their managed parameters. The others (LSTM, MultiheadAttention, …) keep native
    // ones of their own, which a new storage here would not reach.
    private static readonly HashSet<Type> ManagedModules =
    [
        typeof(TorchSharp.Modules.Linear), typeof(TorchSharp.Modules.Conv1d), typeof(TorchSharp.Modules.Conv2d), typeof(TorchSharp.Modules.Conv3d),
        typeof(TorchSharp.Modules.ConvTranspose2d), typeof(TorchSharp.Modules.LayerNorm), typeof(TorchSharp.Modules.GroupNorm),
        typeof(TorchSharp.Modules.BatchNorm2d), typeof(TorchSharp.Modules.ParameterList), typeof(TorchSharp.Modules.ParameterDict),
    ];

    /// <summary>Checks that every parameter on the meta device belongs to a module that can take a new storage.</summary>
    /// <exception cref="NotSupportedException">One does not.</exception>
    public static void CheckSupported(nn.Module module)
    {
        foreach ((string name, nn.Module owner) in module.named_modules().Prepend(("", module)))
        {
            if (owner.GetType().Assembly == typeof(nn.Module).Assembly && !ManagedModules.Contains(owner.GetType()) && owner is not TorchSharp.Modules.Embedding
                && owner.named_parameters(recurse: false).Any(p => p.parameter.device_type == DeviceType.META))
                throw new NotSupportedException($"'{name}' is a {owner.GetType().Name}, whose parameters cannot be loaded from the meta device: build the "
                    + "module on a real one.");
        }
    }

    /// <summary>Exchanges the native tensors of two objects, so that every reference to <paramref name="meta"/> sees the values.</summary>
    /// <param name="meta">A parameter or buffer on the meta device.</param>
    /// <param name="values">Its values; afterwards the object stands for the meta tensor, and the caller disposes it.</param>
    public static void Materialize(Tensor meta, Tensor values)
    {
        values.requires_grad = meta.requires_grad && values.is_floating_point();
        ref IntPtr to = ref Handle(meta), from = ref Handle(values);
        (to, from) = (from, to);
    }

    /// <summary>Hands the weights of embeddings, which compute with a native reference, to their native side.</summary>
    public static void RefreshEmbeddings(nn.Module module)
    {
        foreach (TorchSharp.Modules.Embedding embedding in module.modules().Prepend(module).OfType<TorchSharp.Modules.Embedding>())
            embedding.weight = embedding.get_parameter("weight")!;
    }

    // Modules, optimizers and dictionaries hold the Tensor object, and libtorch cannot move a tensor off the meta device in place.
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "handle")]
    private static extern ref IntPtr Handle(Tensor tensor);
}
