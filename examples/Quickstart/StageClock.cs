using System.Diagnostics;

namespace Quickstart;

/// <summary>Prints stages, their progress and their times.</summary>
internal sealed class StageClock
{
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly List<(string Name, TimeSpan Time)> _stages = [];
    private TimeSpan _lastPrinted;

    /// <summary>Runs one stage and prints how long it took.</summary>
    public T Run<T>(string name, Func<T> stage)
    {
        Console.WriteLine($"[{_total.Elapsed:mm\\:ss}] {name}");
        TimeSpan start = _total.Elapsed;
        T result = stage();
        _stages.Add((name, _total.Elapsed - start));
        return result;
    }

    /// <summary>Prints a line of progress, at most one every two seconds but always the last.</summary>
    public void Progress(int done, int of, string text = "")
    {
        if (done < of && _total.Elapsed - _lastPrinted < TimeSpan.FromSeconds(2))
            return;
        _lastPrinted = _total.Elapsed;
        Console.WriteLine($"        {done,4} of {of}  {text}".TrimEnd());
    }

    /// <summary>Prints the table of stages.</summary>
    public void PrintStages()
    {
        Console.WriteLine();
        foreach ((string name, TimeSpan time) in _stages)
            Console.WriteLine($"  {time.TotalSeconds,7:F1} s  {name}");
        Console.WriteLine($"  {_total.Elapsed.TotalSeconds,7:F1} s  in all");
    }
}
