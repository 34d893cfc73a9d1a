using PatchDpo.Torch.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training.Parallel;

/// <summary>A process group of threads: what is done together is seen without MPI.</summary>
internal sealed class ThreadGroup : IProcessGroup
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(2);

    private readonly Meeting _meeting;

    private ThreadGroup(int rank, Meeting meeting) => (Rank, _meeting) = (rank, meeting);

    public int Rank { get; }

    public int Size => _meeting.Values.Length;

    /// <summary>Runs something as so many processes; gives their results by rank, or what they threw.</summary>
    public static (T? Result, Exception? Fault)[] Run<T>(int size, Func<IProcessGroup, T> body)
    {
        var meeting = new Meeting(size);
        var results = new (T? Result, Exception? Fault)[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = (body(new ThreadGroup(rank, meeting)), null);
            }
            catch (Exception e)
            {
                results[rank] = (default, e);
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        return results;
    }

    public void AllReduce(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        Meet(values, all => all.Skip(1).Aggregate(all[0], (sum, next) => sum + next));
    }

    public void Broadcast(Tensor values, int root)
    {
        using DisposeScope scope = NewDisposeScope();
        Meet(values, all => all[root]);
    }

    public void Barrier() => _meeting.Wait(Timeout);

    private void Meet(Tensor values, Func<Tensor[], Tensor> of)
    {
        Assert.True(values.is_contiguous());
        using IDisposable noGrad = no_grad();
        Tensor own = values.clone();
        _meeting.Values[Rank] = own;
        Barrier();
        Tensor result = of(_meeting.Values);
        Assert.Equal(own.shape, result.shape);
        values.copy_(result);
        Barrier();
    }

    private sealed class Meeting(int size)
    {
        private readonly Barrier _barrier = new(size);

        public Tensor[] Values { get; } = new Tensor[size];

        public void Wait(TimeSpan timeout)
        {
            if (!_barrier.SignalAndWait(timeout))
                throw new TimeoutException("A thread did not come.");
        }
    }
}
