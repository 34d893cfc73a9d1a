namespace PatchDpo.Torch.Foundation;

/// <summary>Data that must hold at least one row (pairs to train on, images to score or to evaluate) holds none.</summary>
public sealed class EmptyDataException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which data are empty, and what was to be done with them.</param>
    public EmptyDataException(string message) : base(message)
    {
    }
}
