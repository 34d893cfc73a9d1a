using Ablation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Tests.Experiments;

/// <summary>The ablation's estimate of how likely patches are right, on images with planted faults.</summary>
public sealed class AlignedEstimateTests
{
    [Theory]
    [InlineData(false, 0.4)]
    [InlineData(true, 0.25)]
    public void Right_patches_are_told_from_wrong_ones_also_in_other_poses_and_sizes(bool changed, double least)
    {
        TrainingCase[] cases = [.. SeedData.LocalFaults(7, 12, 0).Training.Where((_, i) => SeedData.IsChanging(i) == changed)];
        IReadOnlyList<QualityMapPair> estimated = Estimate.Aligned.Score(cases, [.. cases.Select(c => c.Planted!)]);
        double right = 0, wrong = 0, weightRight = 0, weightWrong = 0;
        foreach ((TrainingCase pair, QualityMapPair p) in cases.Zip(estimated))
        {
            QualityMap truth = PartOracle.Judge(pair, pair.Planted!).Generated;
            (int height, int width) = (p.Generated.Height, p.Generated.Width);
            bool[,] inside = ForegroundMask.ToPatchGrid(pair.Foreground(), height, width);
            for (int row = 0; row < height; row++)
            {
                for (int column = 0; column < width; column++)
                {
                    float estimate = p.Generated[row, column], isRight = truth[row * truth.Height / height, column * truth.Width / width];
                    Assert.InRange(estimate, 0, 1);
                    if (!inside[row, column])
                    {
                        Assert.Equal(1, estimate);
                        continue;
                    }

                    (right, weightRight) = (right + (isRight * estimate), weightRight + isRight);
                    (wrong, weightWrong) = (wrong + ((1 - isRight) * estimate), weightWrong + 1 - isRight);
                }
            }
        }

        Assert.True((right / weightRight) - (wrong / weightWrong) > least, $"right {right / weightRight:F3}, wrong {wrong / weightWrong:F3}");
    }
}
