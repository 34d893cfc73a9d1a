using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>
/// SDXL's sizes of a batch of pairs. Each tensor is <c>(B,2,2)</c> in float32: pair; reference, then generated image; rows (height or top), then
/// columns.
/// </summary>
/// <param name="Original">Sizes of the image files, in pixels.</param>
/// <param name="CropTopLeft">Where the crop began, in pixels after resizing.</param>
/// <param name="Target">Sizes trained at, in pixels.</param>
internal sealed record PairSizes(Tensor Original, Tensor CropTopLeft, Tensor Target)
{
    /// <summary>The rows that belong to the latents: <c>(2B,6)</c>, all references, then all generated images.</summary>
    public Tensor TimeIds()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = cat([Original, CropTopLeft, Target], -1).to(ScalarType.Float32);
        return rows.transpose(0, 1).reshape(-1, 6).MoveToOuterDisposeScope();
    }

    /// <summary>What the official training script feeds: the same numbers in scrambled rows, <c>(2B,6)</c>.</summary>
    /// <remarks>
    /// It joins the (B,2,2) tensors along their second dimension to (B,6,2), which the UNet cuts into rows: 2b is both images'
    /// original sizes and the first's crop, 2b+1 the second's crop and both target sizes. The latents' order is another.
    /// </remarks>
    public Tensor OfficialTimeIds()
    {
        using DisposeScope scope = NewDisposeScope();
        return cat([Original, CropTopLeft, Target], 1).to(ScalarType.Float32).reshape(-1, 6).MoveToOuterDisposeScope();
    }
}
