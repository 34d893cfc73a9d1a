using System.Numerics;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>How an encoder is used, where it leaves a choice.</summary>
public sealed record VisionEncoderOptions
{
    /// <summary>
    /// The stages of a convolutional network whose maps give the patch features, from 1, each once. Several stand side by side, each brought to length 1;
    /// fine detail is in the early ones. Default: null, the last alone.
    /// </summary>
    /// <exception cref="ArgumentException">There is none, or one appears twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One is below 1.</exception>
    public IReadOnlyList<int>? PatchStages { get; init => field = value is null ? null : Checked(value); }

    /// <summary>
    /// The side of a convolutional network's patch in pixels, a power of two: finer maps are averaged over it, coarser ones enlarged (bilinear). Default:
    /// null, the network's own, or the coarsest stage's step.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">No power of two.</exception>
    public int? PatchSize
    {
        get;
        init => field = value is not int size || (size > 0 && BitOperations.IsPow2(size)) ? value
            : throw new ArgumentOutOfRangeException(nameof(PatchSize), value, "The side of a patch is a power of two.");
    }

    /// <summary>
    /// The side of the square that images are brought to, in pixels, for encoders that take any size (all but CLIP). Default: null, the model's own.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int? ImageSize
    {
        get;
        init => field = value is int v ? ArgumentRange.Within(v, 1) : null;
    }

    /// <summary>
    /// The type of the weights: float32, bfloat16 or float16. In bfloat16 an encoder takes half the memory and, on processors that compute with it, less
    /// time, and its cosines have two or three digits. Default: null, float32: nothing but this, or the argument of who opens an encoder, chooses another.
    /// </summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public ScalarType? DType
    {
        get;
        init => field = value is null or ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 ? value
            : throw new ArgumentException($"An encoder's weights are Float32, BFloat16 or Float16, not {value}.", nameof(DType));
    }

    /// <summary>The mean and deviation of a convolutional network's input. Null: the network's own.</summary>
    internal PixelNormalization? Normalization { get; init; }

    /// <summary>
    /// Whether a stage that is coarser than <see cref="PatchSize"/> decides the grid: so encoders were used that were saved before maps were enlarged.
    /// </summary>
    internal bool CoarsestStageDecides { get; init; }

    /// <summary>Checks that nothing is asked of a vision transformer that only a convolutional network has.</summary>
    /// <param name="path">The model, for the message.</param>
    /// <exception cref="ArgumentException">Stages or a patch size are set.</exception>
    internal void RequireNoStage(string path)
    {
        if (PatchStages is not null || PatchSize is not null)
            throw new ArgumentException($"'{path}' is a vision transformer, whose patches are fixed: {nameof(PatchStages)} and {nameof(PatchSize)} are for "
                + "convolutional networks.");
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

    private static IReadOnlyList<int> Checked(IReadOnlyList<int> stages)
    {
        if (stages.Count == 0 || stages.Distinct().Count() != stages.Count)
            throw new ArgumentException($"Patch features come from one stage or several different ones, not from [{string.Join(", ", stages)}].",
                nameof(PatchStages));
        return [.. stages.Select(s => ArgumentRange.Within(s, 1, name: nameof(PatchStages))).Order()];
    }
}
