using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet;

/// <summary>What scoring does of images before an encoder sees them: identity, pixels, and masks of objects on plain backgrounds.</summary>
/// <param name="features">Tells which images are known.</param>
/// <param name="maskedColumns">Columns whose images' plain backgrounds are left out.</param>
/// <param name="encodesWhole">Whether the encoder sees images as they are, and not what is drawn of their objects.</param>
internal sealed class ImagePreparation(PatchFeatures features, IReadOnlyCollection<string> maskedColumns, bool encodesWhole)
{
    private readonly ObjectMasks _masks = new();

    /// <summary>Whether the encoder has to see an image.</summary>
    public bool IsNew(RowImage image) => image.KnownContent is not UInt128 content || !features.IsKnown(content);

    /// <summary>Prepares an image, on any thread; one that is known is not read.</summary>
    public void Prepare(RowImage image)
    {
        bool isMasked = maskedColumns.Contains(image.Column);
        if (image.KnownContent is UInt128 content && features.IsKnown(content))
            image.Prepared = new PreparedImage(content, image.Load);
        else
        {
            ImageBuffer pixels = image.Load();
            image.Identify(pixels);
            image.Prepared = encodesWhole ? features.Prepare(pixels, image.Load) : new PreparedImage(pixels);
            if (isMasked)
                _masks.Of(pixels);
            return;
        }
        if (isMasked)
            _masks.Of(content, image.Load);
    }

    /// <summary>An image as it was prepared, or as it is prepared now.</summary>
    public PreparedImage Of(RowImage image)
    {
        if (image.Prepared is null)
            Prepare(image);
        return image.Prepared!;
    }

    /// <summary>The mask of an image's object where its column's plain backgrounds are left out, else null.</summary>
    public bool[,]? MaskOf(RowImage image) => maskedColumns.Contains(image.Column) ? _masks.Of(Of(image).Content, image.Load) : null;
}
