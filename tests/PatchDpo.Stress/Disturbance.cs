namespace PatchDpo.Stress;

/// <summary>What makes finalizers run at the wrong moment: a thread that collects garbage, and one that allocates as a web service does.</summary>
internal sealed class Disturbance : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread[] _threads;

    public Disturbance()
    {
        _threads = [new Thread(Collect), new Thread(Allocate)];
        foreach (Thread thread in _threads)
            thread.Start();
    }

    public long Collections { get; private set; }

    public long Allocations { get; private set; }

    public void Dispose()
    {
        _stop.Cancel();
        foreach (Thread thread in _threads)
            thread.Join();
        _stop.Dispose();
    }

    private void Collect()
    {
        while (!_stop.IsCancellationRequested)
        {
            GC.Collect();
            Collections++;
            // The finalizer thread gets its turn between two collections.
            Thread.Sleep(1);
        }
    }

    private void Allocate()
    {
        var kept = new Queue<byte[]>();
        while (!_stop.IsCancellationRequested)
        {
            kept.Enqueue(new byte[2000]);
            Allocations++;
            if (kept.Count > 1000)
                kept.Dequeue();
            if (Allocations % 10_000 == 0)
                Thread.Sleep(1);
        }
    }
}
