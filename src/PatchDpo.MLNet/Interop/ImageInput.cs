using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Interop;

/// <summary>An image column, read as a copy of its pixels.</summary>
/// <param name="name">The column's name.</param>
internal sealed class ImageInput(string name) : RowInput<ImageBuffer>(name)
{
    protected override string Expected => "Image";

    protected override bool Accepts(DataViewType type) => type is ImageDataViewType;

    protected override bool Accepts(SchemaShape.Column column)
        => column.Kind == SchemaShape.Column.VectorKind.Scalar && column.ItemType is ImageDataViewType;

    public override Func<ImageBuffer> Reader(DataViewRow row)
    {
        Func<ImageBuffer?> read = OptionalReader(row);
        return () => read() ?? throw Missing(row);
    }

    /// <summary>As <see cref="Reader"/>, of images that are read when they are needed, where their column can do that.</summary>
    public Func<RowImage> Images(DataViewRow row)
    {
        Func<RowImage?> read = OptionalImages(row);
        return () => read() ?? throw Missing(row);
    }

    /// <summary>As <see cref="Images"/>, with null for a row without an image.</summary>
    public Func<RowImage?> OptionalImages(DataViewRow row)
    {
        if ((row as IImageRow)?.Images(Find(row.Schema)) is Func<RowImage?> read)
            return read;
        Func<ImageBuffer?> copy = OptionalReader(row);
        return () => copy() is ImageBuffer image ? new RowImage(Name, image) : null;
    }

    /// <summary>As <see cref="Reader"/>, with null for a row without an image.</summary>
    public Func<ImageBuffer?> OptionalReader(DataViewRow row)
    {
        ValueGetter<MLImage> getter = row.GetGetter<MLImage>(Find(row.Schema));
        MLImage? image = null;
        return () =>
        {
            getter(ref image!);
            return image is null ? null : MLImages.ToImageBuffer(image);
        };
    }

    private InvalidRowException Missing(DataViewRow row) => new(Name, row.Position, "the image is missing.");
}
