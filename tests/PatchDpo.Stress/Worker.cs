using System.Diagnostics;

namespace PatchDpo.Stress;

/// <summary>One thread's work: a computation that has one right answer, done over and over.</summary>
/// <param name="name">What it does.</param>
/// <param name="compute">The computation; its result is compared bit by bit.</param>
internal sealed class Worker(string name, Func<byte[]> compute)
{
    private readonly byte[] _expected = compute();

    public string Name { get; } = name;

    public long Calls { get; private set; }

    public long WrongResults { get; private set; }

    public List<Exception> Exceptions { get; } = [];

    public void Run(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            Calls++;
            try
            {
                if (!compute().AsSpan().SequenceEqual(_expected))
                    WrongResults++;
            }
            catch (Exception e)
            {
                // Whatever it is, it is what this program looks for: counted and shown.
                Exceptions.Add(e);
            }
        }
    }
}
