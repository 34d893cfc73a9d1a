using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Models;

/// <summary>Fills models that were made on the meta device.</summary>
internal static class ModelWeights
{
    /// <summary>Fills a model and sets it to evaluation; where its weights do not fit, it is disposed.</summary>
    /// <param name="model">A model on the meta device.</param>
    /// <param name="source">The weights, under the model's names.</param>
    /// <param name="ignore">Keys that the model may lack.</param>
    /// <param name="device">Where the weights go; null for the CPU.</param>
    /// <param name="dtype">Their type; null for float32.</param>
    /// <exception cref="StateDictMismatchException">Keys are missing, unexpected or of another shape.</exception>
    public static TModel Fill<TModel>(TModel model, ITensorSource source, Func<string, bool>? ignore, Device? device, ScalarType? dtype)
        where TModel : nn.Module
    {
        try
        {
            StateDictLoader.Load(model, source, ignore: ignore, device: device, dtype: dtype ?? ScalarType.Float32);
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
