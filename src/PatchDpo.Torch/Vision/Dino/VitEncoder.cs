using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>
/// What DINO's and DINOv2's vision transformers have in common: a class token and patch tokens, both after a final norm. <c>(B,3,H,W) -> (B,D)</c>
/// </summary>
public abstract class VitEncoder : Module<Tensor, Tensor>, ITrainableVisionEncoder
{
    private protected readonly Parameter cls_token;
    private protected readonly Parameter pos_embed;
    private protected readonly VitPatchEmbed patch_embed;
    private protected readonly ModuleList<VitBlock> blocks;
    private protected readonly LayerNorm norm;
    private readonly int _patchSize;

    private protected VitEncoder(string name, VitConfig config, double? layerScale, Device? device, ScalarType? dtype) : base(TorchRuntime.Initialized(name))
    {
        config.Validate();
        _patchSize = config.PatchSize;
        cls_token = new Parameter(zeros([1, 1, config.EmbedDim], dtype, device));
        pos_embed = new Parameter(zeros([1, config.Positions, config.EmbedDim], dtype, device));
        patch_embed = new VitPatchEmbed(config.PatchSize, config.EmbedDim, device, dtype);
        blocks = ModuleList(Enumerable.Range(0, config.Depth)
            .Select(_ => new VitBlock(config.EmbedDim, config.NumHeads, config.IntermediateSize, config.QkvBias, config.NormEps, layerScale, device, dtype))
            .ToArray());
        norm = LayerNorm(config.EmbedDim, config.NormEps, device: device, dtype: dtype);
    }

    /// <summary>How an image becomes the input.</summary>
    public abstract IImagePreprocessor Preprocessor { get; init; }

    /// <inheritdoc/>
    public Device Device => cls_token.AliveIn(this).device;

    /// <inheritdoc/>
    /// <remarks>The first group holds the tokens and positions, too, the last the final norm.</remarks>
    public IReadOnlyList<IReadOnlyList<Parameter>> PatchParameters
    {
        get
        {
            cls_token.AliveIn(this);
            List<IReadOnlyList<Parameter>> groups = [[.. parameters(recurse: false), .. patch_embed.parameters()],
                .. blocks.Select(b => b.parameters().ToArray())];
            groups[^1] = [.. groups[^1], .. norm.parameters()];
            return groups;
        }
    }

    /// <summary>How many tokens stand between the class token and the patches.</summary>
    private protected virtual int Registers => 0;

    /// <summary>What is added to the patch counts when the position table is scaled, and whether shrinking it averages.</summary>
    private protected abstract (double Offset, bool Antialias) Interpolation { get; }

    /// <summary>The class token after the final norm, with gradients where they are on. <c>(B,3,H,W) -> (B,D)</c></summary>
    /// <exception cref="ArgumentException">The pixels do not have a shape that the model takes.</exception>
    public override Tensor forward(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        return norm.call(Run(pixels)).select(1, 0).MoveToOuterDisposeScope();
    }

    /// <summary>Class token (B,D) and patch tokens (B,h,w,D), both after the final norm, with gradients where they are on.</summary>
    /// <exception cref="ArgumentException">The pixels do not have a shape that the model takes.</exception>
    public VisionFeatures ForwardFeatures(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = norm.call(Run(pixels));
        long rows = pixels.shape[2] / _patchSize, columns = pixels.shape[3] / _patchSize;
        Tensor patches = x.narrow(1, 1 + Registers, rows * columns).reshape(x.shape[0], rows, columns, -1);
        return new VisionFeatures(x.select(1, 0).MoveToOuterDisposeScope(), patches.MoveToOuterDisposeScope());
    }

    /// <summary>As <see cref="ForwardFeatures"/>, without gradients.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="Device"/>, <c>(B,3,H,W)</c>.</param>
    /// <returns>Features that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The pixels do not have a shape that the model takes.</exception>
    public VisionFeatures Encode(Tensor pixels)
    {
        using IDisposable noGrad = no_grad();
        return ForwardFeatures(pixels);
    }

    /// <summary>The position table for an image of this size, <c>(1,1+h*w,D)</c>; the caller disposes it.</summary>
    /// <remarks>It is interpolated unless the image is square and has as many patches as the table.</remarks>
    /// <param name="height">Height in pixels.</param>
    /// <param name="width">Width in pixels.</param>
    public Tensor PositionEmbedding(long height, long width)
    {
        using DisposeScope scope = NewDisposeScope();
        long rows = height / _patchSize, columns = width / _patchSize;
        if (rows * columns == pos_embed.AliveIn(this).shape[1] - 1 && height == width)
            return pos_embed.alias().MoveToOuterDisposeScope();
        return VitPositions.Interpolate(pos_embed, rows, columns, Interpolation.Offset, Interpolation.Antialias).MoveToOuterDisposeScope();
    }

    /// <summary>The input of the first block: checks the pixels' shape; class token, registers and patches, in the current dispose scope.</summary>
    private protected abstract Tensor PrepareTokens(Tensor pixels);

    /// <summary>Class token and patches with their positions, in the current dispose scope.</summary>
    private protected Tensor Embed(Tensor pixels)
        => cat([cls_token.AliveIn(this).expand(pixels.shape[0], -1, -1), patch_embed.call(pixels)], 1)
            .Plus(PositionEmbedding(pixels.shape[2], pixels.shape[3]));

    /// <summary>The last block's output, in the current dispose scope.</summary>
    private protected Tensor Run(Tensor pixels)
    {
        Tensor x = PrepareTokens(pixels);
        foreach (VitBlock block in blocks)
            x = block.call(x);
        return x;
    }
}
