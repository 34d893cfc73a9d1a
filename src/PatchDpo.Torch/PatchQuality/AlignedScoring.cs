using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Scores pairs whose generated objects are brought to their references' place and size.</summary>
/// <param name="features">Encodes.</param>
/// <param name="batchSize">Pairs that are drawn at once.</param>
/// <param name="options">How they are compared.</param>
internal sealed class AlignedScoring(PatchFeatures features, int batchSize, ObjectAlignment options)
{
    /// <summary>One result a pair, in order; arguments and errors are those of <see cref="PatchQualityEstimator.Score"/>.</summary>
    public IReadOnlyList<PatchQualityResult> Score(
        IReadOnlyList<PreparedImage> generated, IReadOnlyList<PreparedImage> references, IReadOnlyList<bool[,]?>? referenceMasks,
        IReadOnlyList<bool[,]?>? generatedMasks, CancellationToken cancellationToken)
    {
        (bool[,] Generated, bool[,] Reference)[] masks = [.. Enumerable.Range(0, generated.Count)
            .Select(pair => (MaskOf(generatedMasks, pair, "generated image"), MaskOf(referenceMasks, pair, "reference")))];
        using IDisposable noGrad = no_grad();
        return [.. Enumerable.Range(0, generated.Count).Chunk(batchSize).SelectMany(Chunk)];

        IEnumerable<PatchQualityResult> Chunk(int[] places)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var pairs = new AlignedPair[places.Length];
            ParallelItems.For(places.Length, i =>
            {
                int pair = places[i];
                pairs[i] = AlignedPair.Of(generated[pair].Load(), masks[pair].Generated, references[pair].Load(), masks[pair].Reference, options.Margin);
            });
            (int Pair, string Side, ImageBuffer Image)[] images = [.. pairs.SelectMany((p, i) => p.Poses
                .Select(pose => (places[i], "generated image", pose.Image)).Append((places[i], "reference", p.Reference.Image)))];
            Dictionary<UInt128, PatchMap> maps = features.Of([.. images.Select(i => new PreparedImage(i.Image))],
                i => ($"the {images[i].Side} of pair {images[i].Pair}", images[i].Pair), cancellationToken);
            return Array.ConvertAll(pairs, pair => pair.Score(
                [.. pair.Poses.Select(pose => maps[pose.Image.Content])], maps[pair.Reference.Image.Content], options, features.Device));
        }
    }

    private static bool[,] MaskOf(IReadOnlyList<bool[,]?>? masks, int pair, string side)
    {
        bool[,] mask = masks?[pair] ?? throw new ArgumentException(
            $"The {side} of pair {pair} has no foreground mask; an object is aligned by the masks of both images.");
        return mask.Cast<bool>().Contains(true) ? mask
            : throw new ArgumentException($"The foreground mask of the {side} of pair {pair} holds no foreground.");
    }
}
