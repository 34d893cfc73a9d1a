using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>The activation functions that diffusers configurations name.</summary>
internal static class Activations
{
    /// <summary>Whether <see cref="Get"/> knows the name.</summary>
    public static bool IsKnown(string name) => name is "silu" or "swish" or "gelu" or "relu" or "mish";

    /// <summary>The function of that name; gelu is the exact (erf) one.</summary>
    /// <exception cref="ArgumentException">No such function.</exception>
    public static Func<Tensor, Tensor> Get(string name) => name switch
    {
        "silu" or "swish" => static x => nn.functional.silu(x),
        "gelu" => static x => nn.functional.gelu(x),
        "relu" => static x => nn.functional.relu(x),
        "mish" => static x => x * x.Softplus().tanh(),
        _ => throw new ArgumentException($"Unknown activation function '{name}'.", nameof(name)),
    };
}
