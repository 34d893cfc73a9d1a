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
/// A convolutional network as an image encoder: the map of one of its stages gives the patch features, the last map's average the image's.
/// <c>(B,3,H,W) -> (B,D)</c>
/// </summary>
internal abstract class ConvolutionalEncoder : Module<Tensor, Tensor>, ITrainableVisionEncoder, IConfiguredEncoder
{
    private int? _patchStage;
    private int _patchSize = 1;
    private bool _withEarlierStages;
    private int? _imageSize;
    private IImagePreprocessor? _preprocessor;

    private protected ConvolutionalEncoder(string name) : base(name)
    {
    }

    /// <summary>How many stages the network has; they are numbered from 1.</summary>
    public abstract int Stages { get; }

    /// <summary>The stage whose map gives the patch features. Default: the last.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such stage.</exception>
    public int PatchStage { get => _patchStage ?? Stages; init => _patchStage = CheckedStage(value); }

    /// <summary>
    /// The side of the square of pixels over which the stage's map is averaged to one patch feature, a power of two; a stage
    /// whose map is coarser keeps its own step, and a rest narrower than a patch is dropped. Default: 1, the stage's own step.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is no power of two.</exception>
    public int PatchSize { get => _patchSize; init => _patchSize = CheckedSize(value); }

    /// <summary>
    /// Whether the maps of the stages before <see cref="PatchStage"/> are part of the patch features, in order, each brought to
    /// length 1 after averaging (not in the paper). Fine detail is in the early ones. Default: no.
    /// </summary>
    public bool WithEarlierStages { get => _withEarlierStages; init => _withEarlierStages = value; }

    /// <summary>How an image becomes the input. Default: see the network's own remarks.</summary>
    public IImagePreprocessor Preprocessor { get => _preprocessor ??= CreatePreprocessor(null); init => _preprocessor = value; }

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
        => new() { PatchStage = PatchStage, PatchSize = PatchSize, ImageSize = _imageSize, WithEarlierStages = WithEarlierStages };

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

    /// <summary>The averaged last map (B,D) and the patch features of <see cref="PatchStage"/> (B,h,w,C), with gradients where they are on.</summary>
    /// <exception cref="ArgumentException">The pixels do not have the shape (B,3,H,W), or the image is too small for the network or a patch.</exception>
    public VisionFeatures ForwardFeatures(Tensor pixels)
    {
        PixelShape.Check(pixels, PatchSize);
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> maps = AliveMaps(pixels);
        Tensor map = WithEarlierStages ? Joined(maps) : Averaged(maps, PatchStage, PatchSize);
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

    private protected List<Tensor> AliveMaps(Tensor pixels)
    {
        Anchor.AliveIn(this);
        return Maps(pixels);
    }

    /// <summary>The modules that patch features pass through: the stem, then each block up to <see cref="PatchStage"/>.</summary>
    private protected abstract IEnumerable<IReadOnlyList<Module>> PatchParts();

    /// <summary>The maps of the stages, after others that come before the first, in the current dispose scope.</summary>
    private protected abstract List<Tensor> Maps(Tensor pixels);

    /// <summary>How many pixels of the input lie between two positions of a stage's map, a power of two.</summary>
    private protected abstract int Step(int stage);

    /// <summary>The network's own preprocessing, at its own image size where none is given.</summary>
    private protected abstract IImagePreprocessor CreatePreprocessor(int? imageSize);

    /// <summary>Takes over what is set in the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The network has no such stage.</exception>
    internal void Configure(VisionEncoderOptions options)
    {
        if (options.PatchStage is int stage)
            _patchStage = CheckedStage(stage);
        if (options.PatchSize is int size)
            _patchSize = CheckedSize(size);
        _withEarlierStages |= options.WithEarlierStages;
        if (options.ImageSize is int imageSize)
            _preprocessor = CreatePreprocessor(_imageSize = imageSize);
    }

    /// <summary>The map of a stage, averaged over squares of so many pixels.</summary>
    private Tensor Averaged(List<Tensor> maps, int stage, int side)
    {
        Tensor map = maps[maps.Count - 1 - Stages + stage];
        int cells = side / Step(stage);
        return cells > 1 ? functional.avg_pool2d(map, cells) : map;
    }

    private Tensor Joined(List<Tensor> maps)
    {
        int[] stages = [.. Enumerable.Range(1, PatchStage)];
        // The coarsest of them decides; where the image is no multiple of it, a finer map may have one cell more.
        int side = Math.Max(PatchSize, stages.Max(Step));
        Tensor[] averaged = [.. stages.Select(s => Averaged(maps, s, side))];
        long rows = averaged.Min(m => m.shape[2]), columns = averaged.Min(m => m.shape[3]);
        return cat([.. averaged.Select(m => functional.normalize(m.narrow(2, 0, rows).narrow(3, 0, columns), p: 2, dim: 1, eps: 1e-12))], 1);
    }

    private int CheckedStage(int stage)
        => stage >= 1 && stage <= Stages ? stage
            : throw new ArgumentOutOfRangeException(nameof(PatchStage), stage, $"This network has the stages 1 to {Stages}.");

    private static int CheckedSize(int size)
        => size > 0 && BitOperations.IsPow2(size) ? size
            : throw new ArgumentOutOfRangeException(nameof(PatchSize), size, "The side of a patch is a power of two.");
}
