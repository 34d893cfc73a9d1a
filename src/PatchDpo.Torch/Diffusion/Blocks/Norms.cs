using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;
using GroupNormModule = TorchSharp.Modules.GroupNorm;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>Normalisation layers in a defined initial state.</summary>
public static class Norms
{
    /// <summary>A group normalisation with weight 1 and bias 0: <c>(B,C,...) -> (B,C,...)</c>.</summary>
    /// <param name="groups">Number of groups; divides <paramref name="channels"/>.</param>
    /// <param name="channels">C.</param>
    /// <param name="eps">Added to the variance; 1e-5 in UNet residual blocks, 1e-6 in transformers and autoencoders.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    /// <returns>The module; the caller owns it.</returns>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    /// <remarks>TorchSharp's own constructor leaves weight and bias uninitialised, so this is the only place that calls it.</remarks>
    public static GroupNormModule GroupNorm(int groups, long channels, double eps = 1e-5, Device? device = null, ScalarType? dtype = null)
    {
        if (groups <= 0 || channels % groups != 0)
            throw new ArgumentException($"{channels} channels cannot be normalised in {groups} groups.", nameof(groups));
        TorchRuntime.Initialize();
        GroupNormModule norm = nn.GroupNorm(groups, channels, eps, affine: true, device, dtype);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }
}
