using Microsoft.ML;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>Makes this library's components known to ML.NET.</summary>
public static class PatchDpoComponents
{
    /// <summary>Lets <c>mlContext.Model.Load</c> load models that contain components of this library.</summary>
    /// <param name="mlContext">The context that will load. A first use of <c>mlContext.PatchDpo</c> does the same.</param>
    /// <remarks>Without it, loading fails with ML.NET's own message that it could not load the model.</remarks>
    public static void Register(MLContext mlContext)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ModelFormat.Register(mlContext.ComponentCatalog,
        [
            (ImageFileLoadingTransformer.Signature, typeof(ImageFileLoadingTransformer)),
        ]);
    }
}
