using PatchDpo.Examples;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Personalization;

namespace Generate;

/// <summary>Shows the sampling steps of a batch on the error stream; before the run's first, the prompts that are cut.</summary>
internal sealed class StepProgress(int first, int count, int total, IReadOnlyList<TruncatedPrompt> truncated) : IProgress<GenerationProgress>
{
    private readonly ProgressLine _line = new();

    public void Report(GenerationProgress progress)
    {
        // By now all options have passed: a fault in one is told alone.
        if (first == 0 && progress.Step == 1)
            PromptWarnings.Print(truncated);
        _line.Show($"images {first + 1} to {first + count} of {total}: step {progress.Step} of {progress.Steps}", isLast: progress.Step == progress.Steps);
    }
}
