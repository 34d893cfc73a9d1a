using Microsoft.ML;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>Makes this library's components known to ML.NET.</summary>
public static class PatchDpoComponents
{
    /// <summary>Lets <c>mlContext.Model.Load</c> load models that contain components of this library.</summary>
    /// <param name="mlContext">The context that will load. A first use of <c>mlContext.PatchDpo</c> does the same.</param>
    /// <remarks>
    /// Without it, loading fails with ML.NET's <see cref="FormatException"/> <c>Couldn't load model: 'TransformerChain'</c>, which names no cause.
    /// </remarks>
    public static void Register(MLContext mlContext)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ModelFormat.Register(mlContext.ComponentCatalog,
        [
            (ImageFileLoadingTransformer.Signature, typeof(ImageFileLoadingTransformer)),
            (ReferenceMontageTransformer.Signature, typeof(ReferenceMontageTransformer)),
            (ImageEmbeddingTransformer.Signature, typeof(ImageEmbeddingTransformer)),
            (TextEmbeddingTransformer.Signature, typeof(TextEmbeddingTransformer)),
            (PersonalizedImageTransformer.Signature, typeof(PersonalizedImageTransformer)),
            (PatchEncoderTransformer.Signature, typeof(PatchEncoderTransformer)),
            (PatchQualityScoringTransformer.Signature, typeof(PatchQualityScoringTransformer)),
        ]);
    }

    /// <summary>Lets models that were saved with one folder (or lone file) of weights load from another, for instance on another machine.</summary>
    /// <param name="storedFolder">The full path that the saved model holds; a failed load names it.</param>
    /// <param name="folder">Where the same files are now.</param>
    /// <remarks>Holds for this process. The files must still be the same: their SHA-256 is checked.</remarks>
    public static void RedirectModelFolder(string storedFolder, string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(storedFolder);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ModelLocation.Redirect(storedFolder, folder);
    }
}
