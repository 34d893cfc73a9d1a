using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>The quality of each patch: the cosine to its most similar patch in the other image.</summary>
/// <remarks>
/// PatchDPO (arXiv 2412.03177): <c>p(x_gen)[h,w] = max over (i,j) of cos(f(x_gen)[h,w], f(x_ref)[i,j])</c>, and the same
/// with the roles swapped for p(x_ref). A zero vector has cosine 0 with everything. Values are not clamped: they lie in
/// [-1, 1] up to rounding.
/// </remarks>
public static class PatchSimilarity
{
    /// <summary>
    /// The largest similarity matrix held at once, in elements: 16 MiB of float32, a tile of 256 rows for 128 x 128 patches. Larger ones are walked in tiles.
    /// </summary>
    internal const long DefaultChunkElements = 4L << 20;

    /// <summary>The quality of the generated images' patches, and where each finds its best match.</summary>
    /// <param name="generated">Patch features of the generated images, <c>(B,h,w,D)</c>, any floating type.</param>
    /// <param name="reference">Patch features of their references, <c>(B,H,W,D)</c>; the grid may have another size.</param>
    /// <param name="referenceMask">Which reference patches may be matched, bool <c>(B,H,W)</c>; null: all.</param>
    /// <returns>
    /// <c>P</c>, float32 <c>(B,h,w)</c>, and <c>ArgMax</c>, int64 <c>(B,h,w)</c>, the match's index <c>i * W + j</c>; the caller disposes both.
    /// </returns>
    /// <exception cref="ArgumentException">The shapes do not fit, or a mask holds no patch.</exception>
    public static (Tensor P, Tensor ArgMax) Compute(Tensor generated, Tensor reference, Tensor? referenceMask = null)
        => Compute(generated, reference, referenceMask, DefaultChunkElements);

    /// <summary>The quality of both images' patches, from one similarity matrix.</summary>
    /// <param name="generated">Patch features of the generated images, <c>(B,h,w,D)</c>, any floating type.</param>
    /// <param name="reference">Patch features of their references, <c>(B,H,W,D)</c>; the grid may have another size.</param>
    /// <param name="generatedMask">Which generated patches may be matched by reference patches, bool <c>(B,h,w)</c>; null: all.</param>
    /// <param name="referenceMask">Which reference patches may be matched by generated patches, bool <c>(B,H,W)</c>; null: all.</param>
    /// <returns><c>Generated</c>, p(x_gen), float32 <c>(B,h,w)</c>, and <c>Reference</c>, p(x_ref), float32 <c>(B,H,W)</c>; the caller disposes both.</returns>
    /// <remarks>A mask limits what may be matched; every patch, masked or not, still gets its own value.</remarks>
    /// <exception cref="ArgumentException">The shapes do not fit, or a mask holds no patch.</exception>
    public static (Tensor Generated, Tensor Reference) ComputeBoth(
        Tensor generated, Tensor reference, Tensor? generatedMask = null, Tensor? referenceMask = null)
        => ComputeBoth(generated, reference, generatedMask, referenceMask, DefaultChunkElements);

    /// <summary>
    /// As <see cref="ComputeBoth(Tensor, Tensor, Tensor?, Tensor?)"/>, of float32 features of length 1 that are not normalised again; a match may lose by the
    /// square of its distance, <c>displacement</c> at that of the image's side.
    /// </summary>
    internal static (Tensor Generated, Tensor Reference) ComputeBothOfUnit(
        Tensor generated, Tensor reference, Tensor? generatedMask, Tensor? referenceMask, double displacement = 0)
        => ComputeBoth(generated, reference, generatedMask, referenceMask, DefaultChunkElements, isUnit: true, displacement);

    internal static (Tensor P, Tensor ArgMax) Compute(Tensor generated, Tensor reference, Tensor? referenceMask, long chunkElements)
    {
        Check(generated, reference, null, referenceMask);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        long[] shape = generated.shape;
        Tensor p = empty(shape[0], shape[1] * shape[2], dtype: float32, device: generated.device);
        Tensor best = empty(shape[0], shape[1] * shape[2], dtype: int64, device: generated.device);
        foreach (Chunk chunk in Chunks(Normalized(generated), Normalized(reference.to(generated.device)), chunkElements))
        {
            using DisposeScope inner = NewDisposeScope();
            (Tensor values, Tensor indexes) = Masked(chunk.Similarities(), referenceMask, chunk, generatedSide: false).max(2);
            chunk.Of(p).copy_(values);
            chunk.Of(best).copy_(indexes);
        }
        return (p.view(shape[..3]).MoveToOuterDisposeScope(), best.view(shape[..3]).MoveToOuterDisposeScope());
    }

    internal static (Tensor Generated, Tensor Reference) ComputeBoth(
        Tensor generated, Tensor reference, Tensor? generatedMask, Tensor? referenceMask, long chunkElements, bool isUnit = false, double displacement = 0)
    {
        Check(generated, reference, generatedMask, referenceMask);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        long[] g = generated.shape, r = reference.shape;
        Tensor pGenerated = empty(g[0], g[1] * g[2], dtype: float32, device: generated.device);
        Tensor pReference = TensorArithmetic.Filled([r[0], r[1] * r[2]], double.NegativeInfinity, float32, generated.device);
        Tensor ofGenerated = isUnit ? generated.flatten(1, 2) : Normalized(generated);
        Tensor ofReference = isUnit ? reference.flatten(1, 2) : Normalized(reference.to(generated.device));
        (Tensor From, Tensor To)? places = displacement == 0 ? null : (Places(g, displacement, generated.device), Places(r, displacement, generated.device));
        foreach (Chunk chunk in Chunks(ofGenerated, ofReference, chunkElements))
        {
            using DisposeScope inner = NewDisposeScope();
            Tensor similarities = chunk.Similarities();
            if (places is (Tensor from, Tensor to))
            {
                Tensor way = from.narrow(0, chunk.Row, chunk.RowCount).unsqueeze(1).Minus(to);
                similarities = similarities.Minus(way.Times(way).sum(2));
            }
            chunk.Of(pGenerated).copy_(Masked(similarities, referenceMask, chunk, generatedSide: false).amax([2]));
            // A reference patch's best match may lie in any chunk of the generated patches.
            Tensor part = pReference.narrow(0, chunk.Batch, chunk.BatchCount);
            part.copy_(maximum(part, Masked(similarities, generatedMask, chunk, generatedSide: true).amax([1])));
        }
        return (pGenerated.view(g[..3]).MoveToOuterDisposeScope(), pReference.view(r[..3]).MoveToOuterDisposeScope());
    }

    /// <summary>The patches' middles as shares of the image's sides, so scaled that a squared distance is what a match loses. <c>(h*w, 2)</c></summary>
    private static Tensor Places(long[] shape, double displacement, Device device)
    {
        (long height, long width, double scale) = (shape[1], shape[2], Math.Sqrt(displacement));
        float[] places = new float[height * width * 2];
        for (long i = 0; i < height * width; i++)
            (places[2 * i], places[(2 * i) + 1]) = ((float)(((i % width) + 0.5) / width * scale), (float)(((i / width) + 0.5) / height * scale));
        return tensor(places, [height * width, 2], device: device);
    }

    /// <summary>Puts minus infinity where the patch to match is masked out, so that it never wins.</summary>
    private static Tensor Masked(Tensor similarities, Tensor? mask, Chunk chunk, bool generatedSide)
    {
        if (mask is null)
            return similarities;
        Tensor flat = mask.to(similarities.device).flatten(1);
        Tensor allowed = generatedSide ? chunk.Of(flat).unsqueeze(2) : flat.narrow(0, chunk.Batch, chunk.BatchCount).unsqueeze(1);
        return similarities.MaskedFilled(allowed.logical_not(), double.NegativeInfinity);
    }

    /// <summary>Cuts the similarities <c>(B, h*w, H*W)</c> into blocks of at most <paramref name="limit"/> elements (one row where a row is larger).</summary>
    private static IEnumerable<Chunk> Chunks(Tensor g, Tensor reference, long limit)
    {
        Tensor r = reference.transpose(1, 2);
        long batch = g.shape[0], rows = g.shape[1], columns = r.shape[2];
        long batchStep = Math.Clamp(limit / (rows * columns), 1, batch);
        long rowStep = Math.Clamp(limit / columns, 1, rows);
        for (long b = 0; b < batch; b += batchStep)
            for (long row = 0; row < rows; row += rowStep)
                yield return new Chunk(g, r, b, Math.Min(batchStep, batch - b), row, Math.Min(rowStep, rows - row));
    }

    private static Tensor Normalized(Tensor features)
        => nn.functional.normalize(features.detach().to(float32).flatten(1, 2), p: 2, dim: 2, eps: 1e-12);

    private static void Check(Tensor generated, Tensor reference, Tensor? generatedMask, Tensor? referenceMask)
    {
        ArgumentNullException.ThrowIfNull(generated);
        ArgumentNullException.ThrowIfNull(reference);
        CheckFeatures(generated, nameof(generated));
        CheckFeatures(reference, nameof(reference));
        long[] g = generated.shape, r = reference.shape;
        if (g[0] != r[0] || g[3] != r[3])
            throw new ArgumentException($"Generated features {Shape(g)} and reference features {Shape(r)} must agree in the batch and in the last "
                + "dimension.", nameof(reference));
        CheckMask(generatedMask, g, nameof(generatedMask));
        CheckMask(referenceMask, r, nameof(referenceMask));
    }

    private static void CheckFeatures(Tensor features, string name)
    {
        if (features.dim() != 4 || features.shape.Contains(0))
            throw new ArgumentException($"Patch features have the shape (B,h,w,D) with no empty dimension, not {Shape(features.shape)}.", name);
        if (!features.is_floating_point())
            throw new ArgumentException($"Patch features are floating point, not {features.dtype}.", name);
    }

    private static void CheckMask(Tensor? mask, long[] features, string name)
    {
        if (mask is null)
            return;
        if (mask.dtype != ScalarType.Bool || !mask.shape.SequenceEqual(features[..3]))
            throw new ArgumentException($"The mask of features {Shape(features)} is bool {Shape(features[..3])}, not {mask.dtype} {Shape(mask.shape)}.", name);
        using DisposeScope scope = NewDisposeScope();
        bool[] any = mask.flatten(1).any(1).cpu().data<bool>().ToArray();
        if (Array.IndexOf(any, false) is int row and >= 0)
            throw new ArgumentException($"The mask of image {row} of the batch holds no foreground patch.", name);
    }

    private static string Shape(long[] shape) => $"({string.Join(',', shape)})";

    /// <summary>A block of the similarities: some images of the batch, some generated patches, all reference patches.</summary>
    private readonly record struct Chunk(Tensor Generated, Tensor ReferenceTransposed, long Batch, long BatchCount, long Row, long RowCount)
    {
        public Tensor Similarities() => Of(Generated).bmm(ReferenceTransposed.narrow(0, Batch, BatchCount));

        public Tensor Of(Tensor perGeneratedPatch) => perGeneratedPatch.narrow(0, Batch, BatchCount).narrow(1, Row, RowCount);
    }
}
