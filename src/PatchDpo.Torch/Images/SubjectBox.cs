namespace PatchDpo.Torch.Images;

/// <summary>A subject's bounding box in pixels of its image.</summary>
/// <param name="Left">First column.</param>
/// <param name="Top">First row.</param>
/// <param name="Right">One past the last column.</param>
/// <param name="Bottom">One past the last row.</param>
public readonly record struct SubjectBox(int Left, int Top, int Right, int Bottom)
{
    /// <summary>The side of the image that annotated boxes refer to.</summary>
    public const int AnnotationSize = 800;

    /// <summary>Scales an annotated box to an image.</summary>
    /// <param name="box">Left, top, right, bottom for an image of 800 x 800.</param>
    /// <param name="imageWidth">The real image's width in pixels.</param>
    /// <returns>The box in that image's pixels.</returns>
    /// <exception cref="ArgumentException">There are not four finite values.</exception>
    /// <remarks>
    /// The official rule: coordinates are truncated, then scaled by the image's WIDTH in both directions, then truncated. DreamBench's photos are
    /// square.
    /// </remarks>
    public static SubjectBox FromAnnotation(ReadOnlySpan<double> box, int imageWidth)
    {
        if (box.Length != 4)
            throw new ArgumentException($"A box has 4 values, not {box.Length}.", nameof(box));
        Span<int> scaled = stackalloc int[4];
        for (int i = 0; i < 4; i++)
        {
            if (!double.IsFinite(box[i]))
                throw new ArgumentException($"Value {i} of the box is {box[i]}.", nameof(box));
            scaled[i] = (int)(Math.Truncate(box[i]) / AnnotationSize * imageWidth);
        }

        return new SubjectBox(scaled[0], scaled[1], scaled[2], scaled[3]);
    }

    /// <summary>Cuts the subject out.</summary>
    /// <param name="image">The image that the box belongs to.</param>
    /// <returns>The part inside the box; what lies outside the image is black.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The box is empty.</exception>
    public ImageBuffer CropFrom(ImageBuffer image) => image.Crop(Left, Top, Right - Left, Bottom - Top);
}
