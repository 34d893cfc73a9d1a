using System.Numerics;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>
/// A convolutional network as an image encoder: the maps of its stages give the patch features, the last map's average the image's.
/// <c>(B,3,H,W) -> (B,D)</c>
/// </summary>
internal abstract class ConvolutionalEncoder : Module<Tensor, Tensor>, ITrainableVisionEncoder, IConfiguredEncoder
{
    private IReadOnlyList<int>? _patchStages;
    private int? _patchSize;
    private int? _imageSize;
    private PixelNormalization? _normalization;
    private IImagePreprocessor? _preprocessor;

    private protected ConvolutionalEncoder(string name) : base(name)
    {
    }

    /// <summary>How many stages the network has; they are numbered from 1.</summary>
    public abstract int Stages { get; }

    /// <summary>
    /// The stages whose maps give the patch features, in order; several stand side by side, each brought to length 1 (not in the paper). Default: the last.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such stage.</exception>
    public IReadOnlyList<int> PatchStages { get => _patchStages ?? [Stages]; init => _patchStages = CheckedStages(value); }

    /// <summary>
    /// The side of a patch in pixels, a power of two: maps that are finer are averaged over it, coarser ones enlarged (bilinear), and a rest narrower
    /// than a patch is dropped. Default: the network's own, or the coarsest stage's step.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is no power of two.</exception>
    public int PatchSize { get => _patchSize ?? Math.Max(DefaultPatchSize, PatchStages.Max(Step)); init => _patchSize = CheckedSize(value); }

    /// <summary>How an image becomes the input. Default: see the network's own remarks.</summary>
    public IImagePreprocessor Preprocessor { get => _preprocessor ??= CreatePreprocessor(_imageSize, _normalization); init => _preprocessor = value; }

    /// <inheritdoc/>
    public Device Device => Anchor.AliveIn(this).device;

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<Parameter>> PatchParameters
    {
        get
        {
            Anchor.AliveIn(this);
            return [.. PatchParts().Select(p => p.SelectMany(m => m.parameters()).ToArray())];
        }
    }

    /// <inheritdoc/>
    VisionEncoderOptions IConfiguredEncoder.Options
        => new() { PatchStages = PatchStages, PatchSize = PatchSize, ImageSize = _imageSize, Normalization = _normalization };

    /// <summary>The last map averaged over positions, with gradients where they are on. <c>(B,3,H,W) -> (B,D)</c></summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W), or the image is too small for the network.</exception>
    public override Tensor forward(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        return AliveMaps(pixels)[^1].mean([2, 3]).MoveToOuterDisposeScope();
    }

    /// <summary>The maps of the stages, after the stem's where the network has one, <c>(B,C,h,w)</c>; the caller disposes them.</summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W), or the image is too small for the network.</exception>
    public IReadOnlyList<Tensor> FeatureMaps(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        return [.. AliveMaps(pixels).Select(m => m.MoveToOuterDisposeScope())];
    }

    /// <summary>The averaged last map (B,D) and the patch features of <see cref="PatchStages"/> (B,h,w,C), with gradients where they are on.</summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W), or the image is too small for the network or a patch.</exception>
    public VisionFeatures ForwardFeatures(Tensor pixels)
    {
        PixelShape.Check(pixels, PatchSize);
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> maps = AliveMaps(pixels);
        Tensor map = PatchMap(maps);
        return new VisionFeatures(maps[^1].mean([2, 3]).MoveToOuterDisposeScope(), map.permute(0, 2, 3, 1).contiguous().MoveToOuterDisposeScope());
    }

    /// <summary>As <see cref="ForwardFeatures"/>, without gradients.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="Device"/>, <c>(B,3,H,W)</c>.</param>
    /// <returns>Features that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W), or the image is too small for the network or a patch.</exception>
    public virtual VisionFeatures Encode(Tensor pixels)
    {
        using IDisposable noGrad = no_grad();
        return ForwardFeatures(pixels);
    }

    /// <summary>One of the weights, disposed with the others.</summary>
    private protected abstract Parameter Anchor { get; }

    /// <summary>The side of a patch where none is chosen and no stage's step is longer.</summary>
    private protected virtual int DefaultPatchSize => 1;

    /// <summary>The last stage that patch features come from.</summary>
    private protected int LastPatchStage => PatchStages[^1];

    private protected List<Tensor> AliveMaps(Tensor pixels)
    {
        return Maps(pixels.to(Anchor.AliveIn(this).dtype));
    }

    /// <summary>The modules that patch features pass through: the stem, then each block up to <see cref="LastPatchStage"/>.</summary>
    private protected abstract IEnumerable<IReadOnlyList<Module>> PatchParts();

    /// <summary>The maps of the stages, after others that come before the first, in the current dispose scope.</summary>
    private protected abstract List<Tensor> Maps(Tensor pixels);

    /// <summary>How many pixels of the input lie between two positions of a stage's map, a power of two.</summary>
    private protected abstract int Step(int stage);

    /// <summary>The network's own preprocessing, at its own image size and with its own normalisation where none is given.</summary>
    private protected abstract IImagePreprocessor CreatePreprocessor(int? imageSize, PixelNormalization? normalization);

    /// <summary>Takes over what is set in the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The network has no such stage.</exception>
    internal void Configure(VisionEncoderOptions options)
    {
        if (options.PatchStages is { } stages)
            _patchStages = CheckedStages(options.CoarsestStageDecides ? [.. stages.Where(s => s <= Stages || stages.Count == 1)] : stages);
        if (options.PatchSize is int size)
            _patchSize = options.CoarsestStageDecides ? Math.Max(size, PatchStages.Max(Step)) : CheckedSize(size);
        (_imageSize, _normalization) = (options.ImageSize ?? _imageSize, options.Normalization ?? _normalization);
        if (options.ImageSize is not null || options.Normalization is not null)
            _preprocessor = CreatePreprocessor(_imageSize, _normalization);
    }

    /// <summary>The patch features, <c>(B,C,h,w)</c>.</summary>
    private Tensor PatchMap(List<Tensor> maps)
    {
        Tensor[] chosen = [.. PatchStages.Select(s => AtPatches(maps[maps.Count - 1 - Stages + s], Step(s)))];
        if (chosen.Length == 1)
            return chosen[0];
        // Where the image is no multiple of every step, a map may have one cell more than another.
        long rows = chosen.Min(m => m.shape[2]), columns = chosen.Min(m => m.shape[3]);
        return cat([.. chosen.Select(m => functional.normalize(m.narrow(2, 0, rows).narrow(3, 0, columns), p: 2, dim: 1, eps: 1e-12))], 1);
    }

    /// <summary>A stage's map with a cell for each patch.</summary>
    private Tensor AtPatches(Tensor map, int step)
    {
        int size = PatchSize;
        return step == size ? map
            : step < size ? functional.avg_pool2d(map, size / step)
            : functional.interpolate(map, [map.shape[2] * (step / size), map.shape[3] * (step / size)], mode: InterpolationMode.Bilinear, align_corners: false);
    }

    private IReadOnlyList<int> CheckedStages(IReadOnlyList<int> stages)
        => new VisionEncoderOptions { PatchStages = stages }.PatchStages! is var ordered && ordered[^1] <= Stages ? ordered
            : throw new ArgumentOutOfRangeException(nameof(PatchStages), ordered[^1], $"This network has the stages 1 to {Stages}.");

    private static int CheckedSize(int size)
        => size > 0 && BitOperations.IsPow2(size) ? size
            : throw new ArgumentOutOfRangeException(nameof(PatchSize), size, "The side of a patch is a power of two.");
}
