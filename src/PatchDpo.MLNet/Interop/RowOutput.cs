using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Interop;

/// <summary>A column that a component adds.</summary>
/// <param name="name">The column's name.</param>
/// <param name="type">The column's type.</param>
internal abstract class RowOutput(string name, DataViewType type)
{
    public string Name { get; } = name;

    public DataViewType Type { get; } = type;

    /// <summary>A Single.</summary>
    public static RowOutput<TOutput> Single<TOutput>(string name, Func<TOutput, float> value)
        => new(name, NumberDataViewType.Single, current => (ValueGetter<float>)((ref float destination) => destination = value(current())));

    /// <summary>A vector of Single of the given dimensions; the values are copied.</summary>
    public static RowOutput<TOutput> Vector<TOutput>(string name, int[] dimensions, Func<TOutput, float[]> values)
        => new(name, new VectorDataViewType(NumberDataViewType.Single, dimensions), current => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> destination) =>
        {
            float[] source = values(current());
            VBufferEditor<float> editor = VBufferEditor.Create(ref destination, source.Length);
            source.CopyTo(editor.Values);
            destination = editor.Commit();
        }));

    /// <summary>An image; as with ML.NET's own, the getter disposes the image that it is handed.</summary>
    /// <param name="name">The column's name.</param>
    /// <param name="size">Height and width, or null where they differ from row to row.</param>
    /// <param name="image">Makes the image; null for a row without one.</param>
    public static RowOutput<TOutput> Image<TOutput>(string name, (int Height, int Width)? size, Func<TOutput, ImageBuffer?> image)
        => new(name, size is var (height, width) ? new ImageDataViewType(height, width) : new ImageDataViewType(),
            current => (ValueGetter<MLImage>)((ref MLImage destination) =>
        {
            MLImage? made = image(current()) is ImageBuffer pixels ? MLImages.ToMLImage(pixels) : null;
            destination?.Dispose();
            // ML.NET has null for a missing image.
            destination = made!;
        }));
}
