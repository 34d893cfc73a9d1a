namespace PatchDpo.Torch.Weights;

/// <summary>What is done to a source's tensors.</summary>
internal enum MappedTensorKind
{
    /// <summary>Nothing: only the name differs.</summary>
    Copy,

    /// <summary>A matrix is transposed.</summary>
    Transpose,

    /// <summary>A convolution's weight of one pixel becomes a matrix.</summary>
    Matrix,

    /// <summary>A third of the rows is taken (of queries, keys and values in one tensor).</summary>
    Third,

    /// <summary>Tensors are put below each other (queries, keys and values into one tensor).</summary>
    Stack,

    /// <summary>A convolution's weight takes its input channels in the opposite order (blue, green, red for red, green, blue).</summary>
    ReverseChannels,

    /// <summary>The source has no such tensor: it is the integer 0.</summary>
    Zero,
}
