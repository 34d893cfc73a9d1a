using System.Diagnostics;
using PatchDpo.Torch.Personalization;

namespace Generate;

/// <summary>Shows the sampling steps of a batch on the error stream: one line that is written over, or, into a file, a line now and then.</summary>
internal sealed class StepProgress(int first, int count, int total) : IProgress<GenerationProgress>
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);
    private long _lastPrinted = Stopwatch.GetTimestamp();

    public void Report(GenerationProgress progress)
    {
        bool isLast = progress.Step == progress.Steps;
        string text = $"images {first + 1} to {first + count} of {total}: step {progress.Step} of {progress.Steps}";
        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write($"\r{text}{(isLast ? Environment.NewLine : "")}");
            return;
        }
        if (!isLast && Stopwatch.GetElapsedTime(_lastPrinted) < s_interval)
            return;
        _lastPrinted = Stopwatch.GetTimestamp();
        Console.Error.WriteLine(text);
    }
}
