using Microsoft.ML;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>Everything of this library that an <see cref="MLContext"/> can make: <c>mlContext.PatchDpo</c>.</summary>
public sealed class PatchDpoCatalog
{
    private readonly MLContext _context;

    internal PatchDpoCatalog(MLContext context)
    {
        _context = context;
        PatchDpoComponents.Register(context);
    }

    /// <summary>Loads the image files that a column names, with limits, and with errors that name file and row.</summary>
    /// <param name="outputColumnName">The image column to add.</param>
    /// <param name="imageFolder">The folder that relative paths start from; null for the current one.</param>
    /// <param name="inputColumnName">The text column with the paths; null where it is named as the output.</param>
    /// <param name="options">Limits on size; null for the defaults.</param>
    public ImageFileLoadingEstimator LoadImages(
        string outputColumnName, string? imageFolder = null, string? inputColumnName = null, ImageDecodeOptions? options = null)
        => new(outputColumnName, imageFolder, inputColumnName, options);
}
