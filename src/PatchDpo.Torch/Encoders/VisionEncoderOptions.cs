using System.Numerics;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Encoders;

/// <summary>How an encoder is used, where it leaves a choice.</summary>
public sealed record VisionEncoderOptions
{
    /// <summary>The stage of a convolutional network whose map gives the patch features, from 1. Default: null, the last.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int? PatchStage
    {
        get;
        init => field = value is int v ? ArgumentRange.Within(v, 1) : null;
    }

    /// <summary>
    /// The side of the square of pixels over which a convolutional network's map is averaged to one patch, a power of two. Default: null, the
    /// network's own.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">No power of two.</exception>
    public int? PatchSize
    {
        get;
        init => field = value is not int size || (size > 0 && BitOperations.IsPow2(size)) ? value
            : throw new ArgumentOutOfRangeException(nameof(PatchSize), value, "The side of a patch is a power of two.");
    }

    /// <summary>
    /// Whether the maps of the stages before a convolutional network's <see cref="PatchStage"/> are part of the patch features, each brought to
    /// length 1. Default: no.
    /// </summary>
    public bool WithEarlierStages { get; init; }

    /// <summary>
    /// The side of the square that images are brought to, in pixels, for encoders that take any size (all but CLIP). Default: null, the model's own.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int? ImageSize
    {
        get;
        init => field = value is int v ? ArgumentRange.Within(v, 1) : null;
    }

    /// <summary>Checks that nothing is asked of a vision transformer that only a convolutional network has.</summary>
    /// <param name="path">The model, for the message.</param>
    /// <exception cref="ArgumentException">A stage, a patch size or earlier stages are set.</exception>
    internal void RequireNoStage(string path)
    {
        if (PatchStage is not null || PatchSize is not null || WithEarlierStages)
            throw new ArgumentException($"'{path}' is a vision transformer, whose patches are fixed: {nameof(PatchStage)}, {nameof(PatchSize)} and "
                + $"{nameof(WithEarlierStages)} are for convolutional networks.");
    }

    /// <summary>Checks that no other image size is asked of an encoder than the only one that it takes.</summary>
    /// <param name="path">The model, for the message.</param>
    /// <param name="size">The size that it takes.</param>
    /// <exception cref="ArgumentException">Another size is set.</exception>
    internal void RequireImageSize(string path, int size)
    {
        if (ImageSize is int other && other != size)
            throw new ArgumentException($"'{path}' takes images of {size} x {size} pixels only, not {other} x {other} ({nameof(ImageSize)}).");
    }
}
