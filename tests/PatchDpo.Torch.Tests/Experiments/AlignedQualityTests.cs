using Ablation;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Tests.Experiments;

/// <summary>The ablation's estimate of how likely patches are right, on images with planted faults.</summary>
public sealed class AlignedQualityTests
{
    [Theory]
    [InlineData(false, 0.4)]
    [InlineData(true, 0.25)]
    public void Right_patches_are_told_from_wrong_ones_also_in_other_poses_and_sizes(bool changed, double least)
    {
        TrainingCase[] cases = [.. SeedData.LocalFaults(7, 12, 0).Training.Where((_, i) => SeedData.IsChanging(i) == changed)];
        IReadOnlyList<QualityMapPair> estimated = AlignedQuality.Score(cases, [.. cases.Select(c => c.Planted!)]);
        double right = 0, wrong = 0, weightRight = 0, weightWrong = 0;
        foreach ((TrainingCase pair, QualityMapPair p) in cases.Zip(estimated))
        {
            QualityMap truth = PartOracle.Judge(pair, pair.Planted!).Generated;
            bool[,] inside = ForegroundMask.ToPatchGrid(pair.Foreground(), truth.Height, truth.Width);
            for (int row = 0; row < truth.Height; row++)
            {
                for (int column = 0; column < truth.Width; column++)
                {
                    Assert.InRange(p.Generated[row, column], 0, 1);
                    if (!inside[row, column])
                    {
                        Assert.Equal(1, p.Generated[row, column]);
                        continue;
                    }

                    (right, weightRight) = (right + (truth[row, column] * p.Generated[row, column]), weightRight + truth[row, column]);
                    (wrong, weightWrong) = (wrong + ((1 - truth[row, column]) * p.Generated[row, column]), weightWrong + 1 - truth[row, column]);
                }
            }
        }

        Assert.True((right / weightRight) - (wrong / weightWrong) > least, $"right {right / weightRight:F3}, wrong {wrong / weightWrong:F3}");
    }
}
