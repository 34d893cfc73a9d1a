using System.Diagnostics;

namespace PatchDpo.Examples;

/// <summary>Shows how far a program is on the error stream: one line that is written over, or, into a file, a line now and then.</summary>
internal sealed class ProgressLine
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);
    private long _lastPrinted = Stopwatch.GetTimestamp();

    /// <summary>Shows a text in place of the one before.</summary>
    /// <param name="text">The text, without a line break.</param>
    /// <param name="isLast">Whether none follows: this one is always printed.</param>
    public void Show(string text, bool isLast)
    {
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
