using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>Fresh weights as transformers' <c>CLIPPreTrainedModel._init_weights</c> draws them (initializer factor 1).</summary>
internal static class ClipInit
{
    /// <summary>Standard deviation of embeddings (initializer_range).</summary>
    public const double EmbeddingStd = 0.02;

    /// <summary>Weights from a normal distribution, bias 0.</summary>
    public static void Normal(Linear linear, double std)
    {
        Normal(linear.weight!, std);
        if (linear.bias is not { } bias)
            return;
        using DisposeScope scope = NewDisposeScope();
        init.zeros_(bias);
    }

    /// <summary>Values from a normal distribution of mean 0.</summary>
    public static void Normal(Parameter parameter, double std)
    {
        using DisposeScope scope = NewDisposeScope();
        init.normal_(parameter, 0, std);
    }
}
