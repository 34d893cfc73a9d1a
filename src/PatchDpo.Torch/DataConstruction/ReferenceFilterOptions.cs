using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchQuality;

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
        init => field = ArgumentRange.Within(value, 0, 255);
    } = ForegroundMask.DefaultTolerance;

    /// <summary>
    /// The least share of the picture's border that must be background, in [0, 1]. Default 0.9: an object may touch the border, not leave through it.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double MinPlainBorder { get; init => field = ArgumentRange.Share(value); } = PlainBackground.DefaultMinPlainBorder;

    /// <summary>The least share of the picture that the object takes, in [0, 1]. Default 0.05.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double MinForeground { get; init => field = ArgumentRange.Share(value); } = 0.05;

    /// <summary>The largest share of the picture that the object takes, in [0, 1]. Default 0.8.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double MaxForeground { get; init => field = ArgumentRange.Share(value); } = 0.8;

    /// <summary>The least CLIP-T (cosine of picture and prompt), in [-1, 1]; needs a CLIP model. Null (default) does not ask.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [-1, 1].</exception>
    public double? MinClipT { get; init => field = value is double v ? ArgumentRange.Within(v, -1.0, 1) : null; }

    /// <summary>
    /// The largest cosine of a picture's whole-image feature with that of an earlier reference, in [-1, 1]; null does not ask. Default 0.98; what it
    /// means differs from encoder to encoder, so look at what was rejected.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [-1, 1].</exception>
    public double? MaxSimilarity { get; init => field = value is double v ? ArgumentRange.Within(v, -1.0, 1) : null; } = 0.98;
}
