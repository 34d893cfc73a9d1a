using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Images;

/// <summary>Bytes that should be an image are none, or are damaged, or use what is not supported.</summary>
public class InvalidImageException : PatchDpoException
{
    /// <summary>States what is wrong with which image.</summary>
    /// <param name="source">The file, or another name for where the bytes came from.</param>
    /// <param name="problem">What is wrong, as a sentence without the source.</param>
    /// <param name="inner">The exception behind it; null: none.</param>
    public InvalidImageException(string source, string problem, Exception? inner = null)
        : base($"'{source}': {problem}", inner) => ImageSource = source;

    /// <summary>The file, or another name for where the bytes came from.</summary>
    public string ImageSource { get; }
}
