using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>Loads the image files that a text column names; made by <see cref="ImageFileLoadingEstimator"/>.</summary>
/// <remarks>
/// A file that is missing, no image, damaged or too large raises an <see cref="InvalidRowException"/> that names row, column
/// and file when the row's image is asked for; its inner exception says which of these it is
/// (<see cref="FileNotFoundException"/>, <see cref="InvalidImageException"/>, <see cref="ImageTooLargeException"/>).
/// </remarks>
public sealed class ImageFileLoadingTransformer : BatchedTransformer
{
    internal static readonly ModelSignature Signature = new("IMGFILES", "PatchDpoImageFiles");

    private readonly ImageFileLoadingMapping _mapping;

    internal ImageFileLoadingTransformer(ImageFileLoadingMapping mapping) => _mapping = mapping;

    internal override IBatchedMapping Mapping => _mapping;

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        writer.Write(_mapping.OutputColumnName);
        writer.Write(_mapping.ImageFolder);
        writer.Write(_mapping.InputColumnName);
        writer.Write(_mapping.Options.MaxPixels);
        writer.Write(_mapping.Options.MaxSide);
        writer.Write(_mapping.Options.MaxFileBytes);
        writer.Write(_mapping.Options.ApplyOrientation);
        writer.Write(_mapping.AllowMissing);
    }

    // Found by ML.NET when a saved model names Signature.Loader.
    private static ImageFileLoadingTransformer Create(IHostEnvironment env, object context)
    {
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        return new ImageFileLoadingTransformer(new ImageFileLoadingMapping(reader.ReadString(), reader.ReadString(), reader.ReadString(), new ImageDecodeOptions
        {
            MaxPixels = reader.ReadInt32(),
            MaxSide = reader.ReadInt32(),
            MaxFileBytes = reader.ReadInt64(),
            ApplyOrientation = reader.ReadBoolean(),
        }, allowMissing: reader.ReadBoolean()));
    }
}
