using System.Diagnostics.CodeAnalysis;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>What the shapes of DINO's and DINOv2's vision transformers have in common.</summary>
public abstract record VitConfig
{
    private protected VitConfig()
    {
    }

    [SetsRequiredMembers]
    private protected VitConfig(VitShape shape)
    {
        ImageSize = shape.ImageSize;
        PatchSize = shape.PatchSize;
        EmbedDim = shape.EmbedDim;
        Depth = shape.Depth;
        NumHeads = shape.NumHeads;
        IntermediateSize = shape.IntermediateSize;
        QkvBias = shape.QkvBias;
    }

    /// <summary>Side of the square training images, in pixels; gives the size of the position table.</summary>
    public required int ImageSize { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>Side of a patch, in pixels.</summary>
    public required int PatchSize { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>Width D of a token.</summary>
    public required int EmbedDim { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>How many transformer blocks there are.</summary>
    public required int Depth { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>How many attention heads a block has; divides <see cref="EmbedDim"/>.</summary>
    public required int NumHeads { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>Width of the hidden layer of a block's MLP. Default: 4 x <see cref="EmbedDim"/>, as in the published models up to ViT-L.</summary>
    public int IntermediateSize
    {
        get => field == 0 ? 4 * EmbedDim : field;
        init => field = ArgumentRange.Within(value, 1);
    }

    /// <summary>Whether queries, keys and values have a bias. Default: true, as in every published model.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>Epsilon of the layer norms. Default: 1e-6 (facebookresearch/dino and dinov2); Hugging Face's own default for DINO is 1e-12.</summary>
    public double NormEps { get; init; } = 1e-6;

    /// <summary>The class token's and the patches' count at <see cref="ImageSize"/>.</summary>
    internal int Positions => 1 + (ImageSize / PatchSize * (ImageSize / PatchSize));

    /// <summary>Checks what no single property can.</summary>
    /// <exception cref="ArgumentException">The heads do not divide the width, or the image is smaller than a patch.</exception>
    internal void Validate()
    {
        if (EmbedDim % NumHeads != 0)
            throw new ArgumentException($"{NumHeads} heads do not divide a width of {EmbedDim}.");
        if (ImageSize < PatchSize)
            throw new ArgumentException($"An image of {ImageSize} pixels is smaller than a patch of {PatchSize}.");
    }
}
