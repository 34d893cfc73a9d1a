using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Settings of the self-supervised patch training.</summary>
/// <remarks>The paper trains its patch features without labels but does not say how; every default here is ours.</remarks>
public sealed record PatchEncoderTrainerOptions
{
    // Beyond these, products overflow: points of a batch, squares of distances in float32.
    private const int MaxCount = 65_536;
    private const int MaxSide = 16_384;
    private const double MaxDistance = 1e9;

    /// <summary>Optimiser steps; 300 by default.</summary>
    public int MaxSteps { get; init => field = ArgumentRange.Within(value, 1); } = 300;

    /// <summary>Images a step; 32 by default.</summary>
    public int BatchSize { get; init => field = ArgumentRange.Within(value, 1, MaxCount); } = 32;

    /// <summary>Corresponding points drawn from each image; 32 by default.</summary>
    public int PointsPerImage { get; init => field = ArgumentRange.Within(value, 2, MaxCount); } = 32;

    /// <summary>
    /// AdamW's highest learning rate; 1e-3 by default, which suits a small encoder trained from scratch. Use 1e-5 to 1e-4 for a pretrained one.
    /// </summary>
    public double LearningRate { get; init => field = ArgumentRange.Positive(value); } = 1e-3;

    /// <summary>AdamW's weight decay; 0.01 by default.</summary>
    public double WeightDecay { get; init => field = ArgumentRange.NotNegative(value); } = 0.01;

    /// <summary>The steps over which the learning rate rises from 0; it then falls to 0 along a cosine. 20 by default.</summary>
    public int WarmupSteps { get; init => field = ArgumentRange.Within(value, 0, 1_000_000_000); } = 20;

    /// <summary>InfoNCE's temperature; 0.1 by default.</summary>
    public double Temperature { get; init => field = ArgumentRange.Within(value, 1e-4, MaxDistance); } = 0.1;

    /// <summary>Points of the same image nearer than this, in patches, are not pushed apart; 1.5 by default.</summary>
    public double NeighbourRadius { get; init => field = ArgumentRange.Within(value, 0, MaxDistance); } = 1.5;

    /// <summary>
    /// Patches whose normalised pixels differ by less than this (root mean square) look alike and are not pushed apart, such as two patches of a
    /// plain background; 0.15 by default.
    /// </summary>
    public double LookAlikeDistance { get; init => field = ArgumentRange.Within(value, 0, MaxDistance); } = 0.15;

    /// <summary>
    /// Whether copies of the images with one recoloured region serve as negatives too, so that the same shape in another colour counts as different;
    /// on by default.
    /// </summary>
    public bool RecolouredNegatives { get; init; } = true;

    /// <summary>How many regions of such a copy are recoloured; 1 by default.</summary>
    public int RecolouredRegions { get; init => field = ArgumentRange.Within(value, 1, MaxCount); } = 1;

    /// <summary>
    /// Weight of the grading beside InfoNCE: the cosine of two points should be the lower the less alike their patches and
    /// surroundings look (<see cref="GradedDistance"/>). InfoNCE tells right from wrong, grading how wrong. 0 by default: none.
    /// Mean squares of cosines are small: a weight of some hundreds makes grading the main thing.
    /// </summary>
    public double GradedWeight { get; init => field = ArgumentRange.Within(value, 0, MaxDistance); }

    /// <summary>The root mean square difference of normalised pixels at which the cosine should be 1/e; 1 by default, about a quarter of the range.</summary>
    public double GradedDistance { get; init => field = ArgumentRange.Within(value, 1e-3, MaxDistance); } = 1;

    /// <summary>The smallest side of a view's crop, as a share of the image's side, in (0, 1]; 0.5 by default.</summary>
    public double MinScale { get; init => field = ArgumentRange.Within(value, 0.05, 1); } = 0.5;

    /// <summary>A view's largest rotation in degrees, 0..180; 15 by default.</summary>
    public double MaxRotation { get; init => field = ArgumentRange.Within(value, 0, 180); } = 15;

    /// <summary>How far a view's corners move at random, as a share of the crop's side, 0..0.25; 0.08 by default.</summary>
    public double Perspective { get; init => field = ArgumentRange.Within(value, 0, 0.25); } = 0.08;

    /// <summary>
    /// The side in pixels of the views that photos are cut into, for encoders that take it; null (default): every image is
    /// brought to the encoder's own input, and views are drawn of that. A view shows about as many pixels of its photo: from
    /// <c>CropSize * sqrt(MinScale)</c> to <c>CropSize / sqrt(MinScale)</c>. Only
    /// <see cref="PatchEncoderTrainer"/>
    /// cuts.
    /// </summary>
    public int? CropSize { get; init => field = value is int side ? ArgumentRange.Within(side, 8, MaxSide) : null; }

    /// <summary>
    /// The shorter side in pixels that photos are brought to before they are cut (see <see cref="CropSize"/>); 512 by default, and never enlarged.
    /// Patches should be as large in the photos that are scored later.
    /// </summary>
    public int PhotoSize { get; init => field = ArgumentRange.Within(value, 8, MaxSide); } = 512;

    /// <summary>
    /// The probability that the object of an image on a plain background is pasted onto another image in the second view, 0..1; 0 by default. Only
    /// for views cut from photos (<see cref="CropSize"/>).
    /// </summary>
    public double PasteProbability { get; init => field = ArgumentRange.Share(value); }

    /// <summary>How many of the encoder's last blocks are trained, beside the head where there is one; null (default): all.</summary>
    public int? TrainedBlocks { get; init => field = value is int blocks ? ArgumentRange.Within(blocks, 0) : null; }

    /// <summary>The probability that a view is mirrored, 0..1; 0.5 by default.</summary>
    public double FlipProbability { get; init => field = ArgumentRange.Share(value); } = 0.5;

    /// <summary>
    /// The largest change of contrast and brightness, 0..1, in normalised pixels; 0.1 by default. Strong changes teach the features to ignore colour,
    /// and with it identity.
    /// </summary>
    public double ColourJitter { get; init => field = ArgumentRange.Share(value); } = 0.1;

    /// <summary>Standard deviation of the noise added to normalised pixels; 0.03 by default.</summary>
    public double Noise { get; init => field = ArgumentRange.Share(value); } = 0.03;

    /// <summary>Seed of every random choice, any number; 42 by default. It draws the same views and points on every machine.</summary>
    /// <remarks>
    /// Weights of equal bits come on the same machine, with the CPU and the same number of threads; else they differ by rounding, which grows from
    /// step to step.
    /// </remarks>
    public int Seed { get; init; } = 42;
}
