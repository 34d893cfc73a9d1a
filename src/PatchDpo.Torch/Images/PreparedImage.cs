namespace PatchDpo.Torch.Images;

/// <summary>An image that is known by its content, with an encoder's pixels of it where they were prepared ahead.</summary>
/// <param name="content">Its identity, <see cref="ImageBuffer.Content"/>.</param>
/// <param name="load">Gives the image itself, where its pixels are needed after all.</param>
internal sealed class PreparedImage(UInt128 content, Func<ImageBuffer> load)
{
    /// <summary>An image in memory, of which nothing is prepared.</summary>
    public PreparedImage(ImageBuffer image) : this(image.Content, () => image)
    {
    }

    /// <summary>Its identity.</summary>
    public UInt128 Content { get; } = content;

    /// <summary>The encoder's input; null where it was not prepared.</summary>
    public EncoderInput? Input { get; init; }

    /// <summary>The image itself.</summary>
    public ImageBuffer Load() => load();
}
