using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using ProceduralCharacters;

namespace Ablation;

/// <summary>p as it should be: what the drawing program knows of each part.</summary>
internal static class PartOracle
{
    // The embedded encoder's patches.
    private const int Patch = 4;

    /// <summary>The quality of both images' patches: the share of right parts among a patch's pixels that show a part; 1 where none does.</summary>
    public static QualityMapPair Judge(TrainingCase pair, ImageBuffer generated)
    {
        bool[][] wrong = [.. pair.Truths.Select(t => WrongParts(generated, t))];
        return new QualityMapPair(Map(pair.ReferenceParts, wrong), Map(pair.Truths, wrong));
    }

    /// <summary>Whether each part, and the accessory behind them, has another colour than it should; one that is too small to tell counts as right.</summary>
    private static bool[] WrongParts(ImageBuffer generated, RenderedCharacter truth)
    {
        PartAccuracy accuracy = PartAccuracy.Measure(generated, truth);
        return [.. accuracy.PartErrors.Append(accuracy.AccessoryError).Select(e => e > PartAccuracy.WrongAbove)];
    }

    private static QualityMap Map(IReadOnlyList<RenderedCharacter> objects, bool[][] wrong)
    {
        (int width, int height) = (objects[0].Image.Width / Patch, objects[0].Image.Height / Patch);
        int[] shown = new int[width * height], right = new int[width * height];
        foreach ((RenderedCharacter drawn, bool[] isWrong) in objects.Zip(wrong))
        {
            for (int i = 0; i < drawn.PartMask.Length; i++)
            {
                if (drawn.PartMask[i] is not (>= 0 and sbyte part))
                    continue;
                int patch = (i / drawn.Image.Width / Patch * width) + (i % drawn.Image.Width / Patch);
                shown[patch]++;
                right[patch] += isWrong[part] ? 0 : 1;
            }
        }

        return new QualityMap(height, width, [.. shown.Zip(right, (all, good) => all == 0 ? 1 : good / (float)all)]);
    }
}
