using PatchDpo.Examples;
using PatchDpo.Torch.Personalization;

namespace Generate;

/// <summary>Shows the sampling steps of a batch on the error stream.</summary>
internal sealed class StepProgress(int first, int count, int total) : IProgress<GenerationProgress>
{
    private readonly ProgressLine _line = new();

    public void Report(GenerationProgress progress) =>
        _line.Show($"images {first + 1} to {first + count} of {total}: step {progress.Step} of {progress.Steps}", isLast: progress.Step == progress.Steps);
}
