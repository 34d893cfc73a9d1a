namespace PatchDpo.Torch.Foundation;

/// <summary>The base of the library's own exceptions, so that a program catches one type.</summary>
/// <remarks>
/// Not below it: arguments out of range or unusable (<see cref="ArgumentException"/> and its kinds), what was used after it was disposed
/// (<see cref="ObjectDisposedException"/>), and what the system refuses (<see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>).
/// docs/errors.md lists all of them.
/// </remarks>
public abstract class PatchDpoException : Exception
{
    private protected PatchDpoException(string message, Exception? innerException = null) : base(message, innerException)
    {
    }
}
