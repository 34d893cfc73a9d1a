namespace PatchDpo.Torch.PatchQuality;

/// <summary>
/// Where an object was brought: mirrored or not, then scaled, then moved. Places are in pixels, a pixel's middle half a pixel from its corner.
/// </summary>
/// <param name="Width">The original image's width.</param>
/// <param name="Mirrored">Whether the image was mirrored first, left to right.</param>
/// <param name="Scale">By how much the object was enlarged.</param>
/// <param name="X">Added to a scaled horizontal place.</param>
/// <param name="Y">Added to a scaled vertical one.</param>
internal readonly record struct ObjectPlacing(int Width, bool Mirrored, double Scale, double X, double Y)
{
    /// <summary>Where a place of the original image is now.</summary>
    public (double X, double Y) PlaceOf(double x, double y) => (((Mirrored ? Width - x : x) * Scale) + X, (y * Scale) + Y);

    /// <summary>Where a place came from.</summary>
    public (double X, double Y) SourceOf(double x, double y)
    {
        double from = (x - X) / Scale;
        return (Mirrored ? Width - from : from, (y - Y) / Scale);
    }
}
