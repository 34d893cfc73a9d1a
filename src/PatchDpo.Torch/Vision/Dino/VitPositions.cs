using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Vision.Dino;

/// <summary>Fits a table of position embeddings to an image's size.</summary>
internal static class VitPositions
{
    /// <summary>Interpolates the patches' part of a table. <c>(1,1+m*m,D) -> (1,1+rows*columns,D)</c></summary>
    /// <param name="table">The class token's embedding, then a square grid's.</param>
    /// <param name="rows">Patches from top to bottom.</param>
    /// <param name="columns">Patches from left to right.</param>
    /// <param name="offset">
    /// Added to the counts before they become scale factors: it shifts the sampling positions too, and published features
    /// depend on it. 0: the grid is resized to the counts themselves.
    /// </param>
    /// <param name="antialias">Whether shrinking averages over what it leaves out.</param>
    /// <remarks>Source: <c>interpolate_pos_encoding</c> of facebookresearch/dino and facebookresearch/dinov2.</remarks>
    public static Tensor Interpolate(Tensor table, long rows, long columns, double offset, bool antialias)
    {
        using DisposeScope scope = NewDisposeScope();
        long count = table.shape[1] - 1, dim = table.shape[2], side = (long)Math.Sqrt(count);
        Tensor grid = table.narrow(1, 1, count).reshape(1, side, side, dim).permute(0, 3, 1, 2).to(ScalarType.Float32);
        grid = offset == 0
            ? functional.interpolate(grid, size: [rows, columns], mode: InterpolationMode.Bicubic, align_corners: false, antialias: antialias)
            : functional.interpolate(grid, scale_factor: [(rows + offset) / side, (columns + offset) / side], mode: InterpolationMode.Bicubic,
                align_corners: false, antialias: antialias);
        Tensor patches = grid.permute(0, 2, 3, 1).reshape(1, -1, dim).to(table.dtype);
        return cat([table.narrow(1, 0, 1), patches], 1).MoveToOuterDisposeScope();
    }
}
