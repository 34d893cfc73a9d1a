using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Train;

/// <summary>What suits the small generator that comes with the library, where a big one's defaults do not.</summary>
internal static class EmbeddedTraining
{
    /// <summary>A minute of training. Patch quality is high nearly everywhere on its small domain: it is stretched and sharpened.</summary>
    public static (int Steps, int BatchSize, double LearningRate, WeightMapOptions Weights) Choices { get; }
        = (150, 8, 1e-3, new WeightMapOptions { Kind = WeightMapKind.MinMax, Contrast = 6 });
}
