using PatchDpo.Torch.Foundation;

namespace PatchDpo.Mpi;

/// <summary>MPI cannot be used: it is not installed, is another one than Open MPI, or one of its calls failed.</summary>
public sealed class MpiException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, and what to do.</param>
    public MpiException(string message) : base(message)
    {
    }
}
