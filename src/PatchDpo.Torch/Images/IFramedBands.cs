namespace PatchDpo.Torch.Images;

/// <summary>Makes rows of a squeezed and framed image, resized to the columns that a crop keeps.</summary>
internal interface IFramedBands
{
    /// <summary>Makes some rows of the square.</summary>
    /// <param name="start">The first, without the frame.</param>
    /// <param name="rows">How many, at most <see cref="FramedSquare.BandRows"/>.</param>
    /// <param name="narrow">Takes the rows, RGB.</param>
    void Make(int start, int rows, Span<byte> narrow);
}
