using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>Fresh weights for a vision transformer.</summary>
internal static class VitInit
{
    private const double Std = 0.02;

    /// <summary>Linear weights and the given tokens from a normal distribution of standard deviation 0.02, linear biases 0; the rest as constructed.</summary>
    /// <remarks>Source: facebookresearch/dino <c>vision_transformer.py</c>, <c>_init_weights</c> (which cuts at 2, a hundred standard deviations).</remarks>
    public static void Apply(Module module, params ReadOnlySpan<Parameter> tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (Module child in module.modules())
        {
            if (child is not Linear linear)
                continue;
            init.normal_(linear.weight, 0, Std);
            if (linear.bias is { } bias)
                init.zeros_(bias);
        }
        foreach (Parameter token in tokens)
            init.normal_(token, 0, Std);
    }
}
