namespace PatchDpo.Torch.Images;

/// <summary>An image is larger than the limits in <see cref="ImageDecodeOptions"/> allow; its pixels were not decoded.</summary>
public sealed class ImageTooLargeException : InvalidImageException
{
    /// <summary>States which limit an image exceeds.</summary>
    /// <param name="source">The file, or another name for where the bytes came from.</param>
    /// <param name="problem">Which limit is exceeded and by what.</param>
    public ImageTooLargeException(string source, string problem)
        : base(source, problem)
    {
    }
}
