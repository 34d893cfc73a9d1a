namespace PatchDpo.Torch.Foundation;

/// <summary>libtorch or TorchSharp's native library could not be prepared for loading; the message names the file and what helps.</summary>
public sealed class TorchLoadException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is missing, and what to do.</param>
    /// <param name="inner">The cause, if any.</param>
    public TorchLoadException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
