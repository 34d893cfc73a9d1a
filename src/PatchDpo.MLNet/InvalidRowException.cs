using PatchDpo.Torch.Foundation;

namespace PatchDpo.MLNet;

/// <summary>A row's value cannot be used: a missing image, an image that is none, a prompt that is too long.</summary>
public sealed class InvalidRowException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="column">The column that holds the value.</param>
    /// <param name="row">The row's position in the data as it was read, from 0.</param>
    /// <param name="reason">What is wrong with it.</param>
    /// <param name="inner">The cause, if any.</param>
    public InvalidRowException(string column, long row, string reason, Exception? inner = null)
        : base($"Row {row}, column '{column}': {reason}", inner)
    {
        Column = column;
        Row = row;
    }

    /// <summary>The column that holds the value.</summary>
    public string Column { get; }

    /// <summary>The row's position in the data as it was read, from 0.</summary>
    public long Row { get; }
}
