namespace PatchDpo.Torch.DataConstruction;

/// <summary>Which generated images become references.</summary>
/// <remarks>The paper says "clean background" and no more; rules and values are ours.</remarks>
public sealed class ReferenceFilterOptions
{
    /// <summary>How far a pixel may be from the background's colour in any channel, 0 to 255. Default 24 (<see cref="PatchQuality.ForegroundMask"/>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside 0 to 255.</exception>
    public int BackgroundTolerance
    {
        get;
        init => field = value is >= 0 and <= 255 ? value : throw new ArgumentOutOfRangeException(nameof(BackgroundTolerance), value, "BackgroundTolerance lies in 0 to 255.");
    } = 24;

    /// <summary>The least share of the picture's border that must be background, in [0, 1]. Default 0.9: an object may touch the border, not leave through it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double MinPlainBorder { get; init => field = Share(value, nameof(MinPlainBorder)); } = 0.9;

    /// <summary>The least share of the picture that the object takes, in [0, 1]. Default 0.05.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double MinForeground { get; init => field = Share(value, nameof(MinForeground)); } = 0.05;

    /// <summary>The largest share of the picture that the object takes, in [0, 1]. Default 0.8.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double MaxForeground { get; init => field = Share(value, nameof(MaxForeground)); } = 0.8;

    /// <summary>The least CLIP-T (cosine of picture and prompt), in [-1, 1]; needs a CLIP model. Null (default) does not ask.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [-1, 1].</exception>
    public double? MinClipT { get; init => field = value is double v ? Cosine(v, nameof(MinClipT)) : null; }

    /// <summary>The largest cosine of a picture's whole-image feature with that of an earlier reference, in [-1, 1]; null does not ask. Default 0.98; what it means differs from encoder to encoder, so look at what was rejected.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [-1, 1].</exception>
    public double? MaxSimilarity { get; init => field = value is double v ? Cosine(v, nameof(MaxSimilarity)) : null; } = 0.98;

    private static double Share(double value, string name)
        => value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} lies in [0, 1].");

    private static double Cosine(double value, string name)
        => value is >= -1 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} lies in [-1, 1].");
}
