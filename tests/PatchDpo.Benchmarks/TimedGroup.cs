using System.Diagnostics;
using PatchDpo.Torch.Training.Parallel;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks;

/// <summary>Measures what a group's all-reduces take, and apart from it how long ranks wait for each other before them.</summary>
/// <param name="group">The group.</param>
internal sealed class TimedGroup(IProcessGroup group) : IProcessGroup
{
    public int Rank => group.Rank;

    public int Size => group.Size;

    public TimeSpan Waiting { get; private set; }

    public TimeSpan Exchanging { get; private set; }

    public void Reset() => (Waiting, Exchanging) = (TimeSpan.Zero, TimeSpan.Zero);

    public void AllReduce(Tensor values)
    {
        long start = Stopwatch.GetTimestamp();
        group.Barrier();
        Waiting += Stopwatch.GetElapsedTime(start);
        start = Stopwatch.GetTimestamp();
        group.AllReduce(values);
        Exchanging += Stopwatch.GetElapsedTime(start);
    }

    public void Broadcast(Tensor values, int root) => group.Broadcast(values, root);

    public void Barrier() => group.Barrier();
}
