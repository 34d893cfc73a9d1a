using System.Diagnostics;
using PatchDpo.Fuzz.Mutations;
using TorchSharp;

namespace PatchDpo.Fuzz;

/// <summary>A reader under test: sound inputs, ways to spoil them, and how a user calls it.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Corpus">Sound inputs.</param>
/// <param name="Mutations">Ways to change a file's bytes, beside those that suit any.</param>
/// <param name="Read">Opens a path, lists and reads everything.</param>
/// <param name="Documented">The exceptions that the reader's documentation names for bad content.</param>
/// <param name="Sharing">How many times the file's length all tensors together may have.</param>
internal sealed record Target(
    string Name, IReadOnlyList<Sample> Corpus, IReadOnlyList<Mutation> Mutations, Action<string, ReadLog> Read, IReadOnlyList<Type> Documented, int Sharing = 1)
{
    // Buffers, the tail of a zip file, small objects for an input of a few thousand bytes and the exception.
    private const long Slack = 1 << 20;

    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(1);

    /// <summary>Gives the reader an input and judges what it does.</summary>
    public Verdict Try(Sample sample, string folder)
    {
        string path = sample.WriteTo(folder);
        Verdict verdict = TryOnce(sample, path, folder);
        // The machine may have paused, or a type been loaded: only what happens again is the reader's.
        return verdict.Fault is null ? verdict : TryOnce(sample, path, folder);
    }

    private Verdict TryOnce(Sample sample, string path, string folder)
    {
        ReadLog log = new();
        Exception? error = null;
        long live = DisposeScopeManager.Statistics.ThreadTotalLiveCount, allocated = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        try
        {
            Read(path, log);
        }
#pragma warning disable CA1031 // Any exception is an outcome here, and the undocumented ones are what is looked for.
        catch (Exception e)
#pragma warning restore CA1031
        {
            error = e;
        }
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        live = DisposeScopeManager.Statistics.ThreadTotalLiveCount - live;
        return new Verdict(error, log.ToString(), Fault());

        string? Fault()
        {
            if (error is not null && !Documented.Contains(error.GetType()))
                return $"undocumented {error.GetType().Name}";
            if (error is not null && !error.Message.Contains(folder, StringComparison.Ordinal))
                return "message without the file";
            if (time > MaxTime)
                return $"slow: {time.TotalSeconds:f1} s";
            if (allocated > sample.Length + Slack)
                return $"memory: {allocated} bytes of objects for an input of {sample.Length}";
            if (log.Bytes > sample.Length * Sharing)
                return $"memory: {log.Bytes} bytes of tensors for an input of {sample.Length}";
            return live == 0 ? null : $"leak: {live} tensors";
        }
    }
}
