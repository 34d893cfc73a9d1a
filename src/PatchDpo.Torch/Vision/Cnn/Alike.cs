using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>ALIKE's dense descriptors as an image encoder. <c>(B,3,H,W) -> (B,D)</c></summary>
/// <remarks>
/// <para>Source: Zhao et al. 2022 (arXiv 2112.02906), Shiaoming/ALIKE <c>alnet.py</c> and <c>alike.py</c>; its state-dict keys.
/// Stages 1 to 4 are the blocks' maps with steps of 1, 2, 8 and 32 pixels; stage 5, the descriptors, normalised to length 1, has
/// one at each pixel. Keypoints are not detected.</para>
/// <para>Any image is taken: as in the reference, it is padded below and on the right with zeros to multiples of 32 pixels, and
/// the maps are cut back. Pixels are in 0..1, without normalisation. The reference has no image size and no patches of its own:
/// here images are brought to 512 x 512 pixels (bilinear, centre crop), and a patch is 16 x 16 of them.</para>
/// </remarks>
internal sealed class Alike : ConvolutionalEncoder
{
    private const int DescriptorStage = 5, CoarsestStep = 32, DefaultImageSize = 512, OwnPatchSize = 16;

    private readonly AlikeBlock block1;
    private readonly AlikeBlock block2;
    private readonly AlikeBlock block3;
    private readonly AlikeBlock block4;
    private readonly SafeConv2d conv1;
    private readonly SafeConv2d conv2;
    private readonly SafeConv2d conv3;
    private readonly SafeConv2d conv4;
    private readonly SafeConv2d? convhead1;
    private readonly SafeConv2d convhead2;

    /// <summary>Creates the network with fresh weights.</summary>
    /// <param name="config">The network's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    public Alike(AlikeConfig config, Device? device = null, ScalarType? dtype = null) : base(TorchRuntime.Initialized(nameof(Alike)))
    {
        ArgumentNullException.ThrowIfNull(config);
        // TorchSharp's convolutions and embeddings leave a tensor behind when they are made.
        using DisposeScope scope = NewDisposeScope();
        Config = config;
        IReadOnlyList<int> c = config.Channels;
        int dim = config.DescriptorDim;
        block1 = new AlikeBlock(3, c[0], residual: false, device, dtype);
        block2 = new AlikeBlock(c[0], c[1], residual: true, device, dtype);
        block3 = new AlikeBlock(c[1], c[2], residual: true, device, dtype);
        block4 = new AlikeBlock(c[2], c[3], residual: true, device, dtype);
        conv1 = Pointwise(c[0], dim / 4);
        conv2 = Pointwise(c[1], dim / 4);
        conv3 = Pointwise(c[2], dim / 4);
        conv4 = Pointwise(c[3], dim / 4);
        if (!config.SingleHead)
            convhead1 = Pointwise(dim, dim);
        // One more than the descriptor: how much of a keypoint a pixel is.
        convhead2 = Pointwise(dim, dim + 1);
        RegisterComponents();
        CnnInit.Apply(this);
        this.DetachFromDisposeScope();

        SafeConv2d Pointwise(int from, int to) => new SafeConv2d(from, to, 1, bias: false, device: device, dtype: dtype);
    }

    /// <summary>The network's shape.</summary>
    public AlikeConfig Config { get; }

    /// <inheritdoc/>
    public override int Stages => DescriptorStage;

    /// <inheritdoc/>
    /// <remarks>One image after the other: the maps of a single one, as large as the image, fill some hundred megabytes at 512 x 512 pixels.</remarks>
    public override VisionFeatures Encode(Tensor pixels)
    {
        PixelShape.Check(pixels, PatchSize);
        using DisposeScope scope = NewDisposeScope();
        VisionFeatures[] features = [.. pixels.split(1).Select(base.Encode)];
        return new VisionFeatures(cat([.. features.Select(f => f.Global)]).MoveToOuterDisposeScope(), cat([.. features.Select(f => f.Patches)])
            .MoveToOuterDisposeScope());
    }

    private protected override int DefaultPatchSize => OwnPatchSize;

    private protected override Parameter Anchor => convhead2.Weight;

    private protected override List<Tensor> Maps(Tensor pixels)
    {
        PixelShape.Check(pixels, 1);
        long height = pixels.shape[2], width = pixels.shape[3];
        Tensor x1 = block1.call(functional.pad(pixels, [0, Missing(width), 0, Missing(height)]));
        Tensor x2 = block2.call(functional.max_pool2d(x1, 2));
        Tensor x3 = block3.call(functional.max_pool2d(x2, 4));
        Tensor x4 = block4.call(functional.max_pool2d(x3, 4));

        Tensor x = cat([conv1.call(x1).relu(), Enlarged(conv2, x2), Enlarged(conv3, x3), Enlarged(conv4, x4)], 1);
        if (convhead1 is not null)
            x = convhead1.call(x).relu();
        Tensor descriptors = functional.normalize(convhead2.call(x).narrow(1, 0, Config.DescriptorDim), p: 2, dim: 1, eps: 1e-12);
        return [.. new[] { x1, x2, x3, x4, descriptors }.Select((map, i) => map.narrow(2, 0, Cells(height, i + 1)).narrow(3, 0, Cells(width, i + 1)))];

        Tensor Enlarged(SafeConv2d convolution, Tensor map)
            => functional.interpolate(convolution.call(map).relu(), [x1.shape[2], x1.shape[3]], mode: InterpolationMode.Bilinear, align_corners: true);

        long Cells(long side, int stage) => (side + Step(stage) - 1) / Step(stage);
    }

    private protected override IEnumerable<IReadOnlyList<Module>> PatchParts()
    {
        IReadOnlyList<Module>[] parts = [[block1], [block2], [block3], [block4],
            [conv1, conv2, conv3, conv4, .. convhead1 is null ? Array.Empty<Module>() : [convhead1], convhead2]];
        return parts.Take(LastPatchStage);
    }

    private protected override int Step(int stage) => stage switch
    {
        2 => 2,
        3 => 8,
        4 => CoarsestStep,
        _ => 1,
    };

    private protected override IImagePreprocessor CreatePreprocessor(int? imageSize, PixelNormalization? normalization)
        => new ClassificationPreprocessor(imageSize ?? DefaultImageSize, imageSize ?? DefaultImageSize, normalization ?? PixelNormalization.ZeroToOne);

    private static long Missing(long side) => (CoarsestStep - (side % CoarsestStep)) % CoarsestStep;
}
