using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Scores encoded pairs, several by one matrix product: alone, a product of small grids does not keep the processors busy.</summary>
/// <param name="views">The references' views, itself first.</param>
/// <param name="most">The most pairs at once; with 1 a pair's values are the same bits whatever stands beside it.</param>
/// <param name="device">Where it is computed.</param>
internal sealed class PairScoring(ReferenceView[] views, int most, Device device)
{
    // Numbers in the features that are laid side by side: 8 MiB of float32, 13 pairs of ViT-S/16 at 224 pixels. Larger grids are no faster together.
    private const long MostNumbers = 2L << 20;

    /// <summary>One result a pair, in order.</summary>
    /// <exception cref="ArgumentException">A mask holds no foreground.</exception>
    public IEnumerable<PatchQualityResult> Score(IReadOnlyList<EncodedPair> pairs)
    {
        for (int start = 0, end; start < pairs.Count; start = end)
        {
            long numbers = pairs[start].Generated.Values.LongLength + pairs[start].Views[0].Values.LongLength;
            int limit = Math.Min(pairs.Count, start + (int)Math.Clamp(MostNumbers / numbers, 1, most));
            for (end = start + 1; end < limit && pairs[end].Fits(pairs[start]);)
                end++;
            foreach (PatchQualityResult result in Together([.. Enumerable.Range(start, end - start).Select(i => pairs[i])]))
                yield return result;
        }
    }

    private PatchQualityResult[] Together(EncodedPair[] pairs)
    {
        using DisposeScope scope = NewDisposeScope();
        bool[]?[] generatedGrids = Grids(pairs, ReferenceView.Itself, p => (p.GeneratedMask, p.Generated), "generated image");
        Tensor generated = PatchMap.Batch(Array.ConvertAll(pairs, p => p.Generated), device);
        Tensor? generatedAllowed = Allowed(generatedGrids, generated);
        bool[]?[] referenceGrids = [];
        Tensor? p = null, q = null;
        foreach ((int v, ReferenceView view) in views.Index())
        {
            bool[]?[] grids = Grids(pairs, view, pair => (pair.ReferenceMask, pair.Views[v]), "reference");
            Tensor features = PatchMap.Batch(Array.ConvertAll(pairs, pair => pair.Views[v]), device);
            (Tensor ofGenerated, Tensor ofView) = PatchSimilarity.ComputeBothOfUnit(generated, features, generatedAllowed, Allowed(grids, features));
            if (p is null || q is null)
            {
                (p, q, referenceGrids) = (ofGenerated, ofView, grids);
                continue;
            }
            p = p.maximum(ofGenerated);
            Tensor seen = tensor(view.PatchesOfReference((int)features.shape[1], (int)features.shape[2]), device: device);
            q = q.maximum(ofView.flatten(1).index_select(1, seen).view_as(q));
        }
        float[] ofAllGenerated = p!.ToFloats(), ofAllReferences = q!.ToFloats();
        return [.. pairs.Select((pair, i) => Result(
            Part(ofAllGenerated, i, pair.Generated), generatedGrids[i], Part(ofAllReferences, i, pair.Views[0]), referenceGrids[i]))];
    }

    private static PatchQualityResult Result(QualityMap generated, bool[]? generatedGrid, QualityMap reference, bool[]? referenceGrid)
    {
        float score = (generatedGrid, referenceGrid) switch
        {
            (null, not null) => reference.MeanWithin(referenceGrid),
            (not null, null) => generated.MeanWithin(generatedGrid),
            _ => (generated.MeanWithin(generatedGrid) + reference.MeanWithin(referenceGrid)) / 2,
        };
        return new PatchQualityResult(WithinMask(generated, generatedGrid), WithinMask(reference, referenceGrid), score);
    }

    private static QualityMap Part(float[] values, int pair, PatchMap map)
        => new(map.Height, map.Width, values.AsSpan(pair * map.Height * map.Width, map.Height * map.Width).ToArray());

    // Outside a mask there is nothing to find fault with: with quality 1, training takes nothing from a reference's background.
    private static QualityMap WithinMask(QualityMap quality, bool[]? grid)
        => grid is null ? quality : new QualityMap(quality.Height, quality.Width, [.. quality.Values.Zip(grid, (value, isObject) => isObject ? value : 1)]);

    /// <summary>Of each pair the patches of a view that show the foreground; null: all.</summary>
    private static bool[]?[] Grids(EncodedPair[] pairs, ReferenceView view, Func<EncodedPair, (bool[,]? Mask, PatchMap Map)> side, string name)
        => Array.ConvertAll(pairs, pair =>
        {
            (bool[,]? mask, PatchMap map) = side(pair);
            bool[]? grid = view.Grid(mask, map.Height, map.Width)?.Cast<bool>().ToArray();
            return grid is null || grid.Contains(true) ? grid
                : throw new ArgumentException($"The foreground mask of the {name} of pair {pair.Number} holds no foreground.");
        });

    /// <summary>Which patches may be matched, <c>(B,h,w)</c>; null where all pairs' all may.</summary>
    private static Tensor? Allowed(bool[]?[] grids, Tensor features)
    {
        if (Array.TrueForAll(grids, grid => grid is null))
            return null;
        int patches = (int)(features.shape[1] * features.shape[2]);
        return tensor([.. grids.SelectMany(grid => grid ?? Enumerable.Repeat(true, patches))], features.shape[..3], device: features.device);
    }
}
