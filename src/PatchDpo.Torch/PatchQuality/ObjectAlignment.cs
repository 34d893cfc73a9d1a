using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>
/// Has generated objects brought to their references' place and size before patches are matched, for prompts that move, turn or shrink them. p is then how
/// likely a patch is right, in [0, 1].
/// </summary>
/// <remarks>
/// <para>Not in the paper. Patch features of most encoders change when an object is moved, turned or shrunk, so that what a prompt asked for counts as a fault.
/// Where both images' masks are known, the object alone is encoded on white: where it is, and brought to the centre and area of its reference's mask, mirrored
/// or not. The one of the three that matches best as a whole is taken. A match loses by its distance, so that a part that has another part's colours is a
/// fault; patches are averaged with their neighbours; the map is divided by what the object's better patches have, because an object that had to be resampled
/// matches less throughout; and a line makes of that how likely a patch is right.</para>
/// <para>The defaults were chosen on drawn characters with planted faults, by what training with the embedded encoder's estimate brought (docs/method.md).
/// Other encoders want other lines. One object an image. A pair costs four encodings, of which the reference's is shared.</para>
/// </remarks>
public sealed class ObjectAlignment
{
    /// <summary>
    /// What a match loses at a distance of the image's side, by the square of its distance. In [0, 1000]; 0: nothing. Default: 32, which is 0.32 at a
    /// tenth of the side.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1000].</exception>
    public double Displacement { get; init => field = ArgumentRange.Within(value, 0, 1000); } = 32;

    /// <summary>
    /// What a patch's neighbour to each side weighs beside the patch's own 1, in [0, 1]; those at its corners weigh 0.7 of that. Default: 0.15.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1].</exception>
    public double Smoothing { get; init => field = ArgumentRange.Within(value, 0, 1); } = 0.15;

    /// <summary>
    /// The percentile of an object's patches that its map is divided by, in [0, 100]: above the share of faulty ones. Default: 70.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 100].</exception>
    public double Percentile { get; init => field = ArgumentRange.Within(value, 0, 100); } = 70;

    /// <summary>
    /// Pixels around a generated object's mask that are taken with it, for masks that leave out outlines or soft edges, in [0, 64]. Default: 0.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 64].</exception>
    public int Margin { get; init => field = ArgumentRange.Within(value, 0, 64); }

    /// <summary>
    /// Has colours count beside features, for encoders that hardly tell one colour from another, and where a brand's colour must be right: a patch's quality is
    /// multiplied by the mean over its pixels of <c>exp(-d^2 / (2 spread^2))</c>. d is the distance from the reference's colour, red, green and blue from 0
    /// to 1 (so up to 1.73), where the objects lie over each other so that most of their colours agree: within a tenth of the side, and 0.15 of the size, of
    /// how the masks do. Light and shade count too. In [0, 2]; 0.15 leaves a quarter of the quality at a distance of 0.25, which a person sees
    /// as another colour. Default: 0, features alone.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 2].</exception>
    public double ColorSpread { get; init => field = ArgumentRange.Within(value, 0, 2); }

    /// <summary>From a divided map to how likely a patch is right, of objects that match best where they are. Default: from 0.48 to 1.03.</summary>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public WeightMapping InPlace { get; init => field = value ?? throw new ArgumentNullException(nameof(InPlace)); } = new(0.48f, 1.03f, 1);

    /// <summary>The same of objects that match best when they are moved. Default: from 0.04 to 1.09.</summary>
    /// <exception cref="ArgumentNullException">The value is null.</exception>
    public WeightMapping Moved { get; init => field = value ?? throw new ArgumentNullException(nameof(Moved)); } = new(0.04f, 1.09f, 1);
}
