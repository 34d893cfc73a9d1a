using System.Diagnostics;

namespace PatchDpo.Fuzz;

/// <summary>Ends the process where a reader does not come back, and says with which input.</summary>
internal sealed class Watchdog
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _folder;
    private long _started;

    /// <summary>Watches from now on.</summary>
    /// <param name="folder">Where the input under test lies.</param>
    public Watchdog(string folder)
    {
        _folder = folder;
        new Thread(Watch) { IsBackground = true, Name = "watchdog" }.Start();
    }

    /// <summary>A new input begins.</summary>
    public void Begin() => Interlocked.Exchange(ref _started, Stopwatch.GetTimestamp());

    /// <summary>It has ended.</summary>
    public void End() => Interlocked.Exchange(ref _started, 0);

    private void Watch()
    {
        while (true)
        {
            Thread.Sleep(1000);
            long started = Interlocked.Read(ref _started);
            if (started == 0 || Stopwatch.GetElapsedTime(started) < Limit)
                continue;
            Console.WriteLine($"FINDING hang: the reader has not come back for {Limit.TotalSeconds:f0} s; its input is in '{_folder}'.");
            Environment.Exit(1);
        }
    }
}
