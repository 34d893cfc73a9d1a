namespace PatchDpo.Torch.Images;

/// <summary>A bar of colours below an <see cref="ImageGrid"/>, with what its ends stand for.</summary>
public sealed class ImageGridLegend
{
    /// <summary>Creates a legend.</summary>
    /// <param name="bar">The colours from left to right; they are stretched to the bar's size.</param>
    /// <param name="low">What the left end stands for.</param>
    /// <param name="high">What the right end stands for.</param>
    public ImageGridLegend(ImageBuffer bar, string low, string high)
    {
        ArgumentNullException.ThrowIfNull(bar);
        ArgumentNullException.ThrowIfNull(low);
        ArgumentNullException.ThrowIfNull(high);
        (Bar, Low, High) = (bar, low, high);
    }

    /// <summary>The colours from left to right.</summary>
    public ImageBuffer Bar { get; }

    /// <summary>What the left end stands for.</summary>
    public string Low { get; }

    /// <summary>What the right end stands for.</summary>
    public string High { get; }
}
