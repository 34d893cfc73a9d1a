using System.Runtime.InteropServices;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class ThreadsTests
{
    [Fact]
    public void Freed_memory_is_kept_where_the_c_library_is_glibc()
        => Assert.Equal(NativeLibrary.TryLoad("libc.so.6", out _) && !Directory.EnumerateFiles("/lib", "ld-musl-*").Any(), TorchRuntime.KeepFreedMemory());

    [Fact]
    public void A_servers_processors_are_divided_among_its_calls()
    {
        int processors = Environment.ProcessorCount;
        Assert.Equal(processors, TorchRuntime.ThreadsForCalls(1));
        Assert.Equal(1, TorchRuntime.ThreadsForCalls(processors));
        Assert.Equal(1, TorchRuntime.ThreadsForCalls(100 * processors));
        Assert.Throws<ArgumentOutOfRangeException>(() => TorchRuntime.ThreadsForCalls(0));
    }

    [Fact]
    public void The_number_of_threads_is_what_was_set()
    {
        int before = TorchRuntime.Threads;
        Assert.InRange(before, 1, int.MaxValue);
        // The same number, so that no test beside this one computes otherwise.
        TorchRuntime.Threads = before;
        Assert.Equal(before, TorchRuntime.Threads);
        Assert.Throws<ArgumentOutOfRangeException>(() => TorchRuntime.Threads = 0);
    }
}
