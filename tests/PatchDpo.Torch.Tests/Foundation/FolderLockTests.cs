using System.Diagnostics;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Tests.Weights;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class FolderLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Root => _folder.File("");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_second_one_is_told_in_a_line_and_the_next_one_gets_it()
    {
        using (FolderLock.Take(Root, "builds"))
        {
            IOException e = Assert.Throws<IOException>(() => FolderLock.Take(Root, "builds"));
            Assert.StartsWith($"Another process builds '{Root}'", e.Message, StringComparison.Ordinal);
        }
        Assert.Empty(Directory.GetFiles(Root));
        FolderLock.Take(Root, "builds").Dispose();
    }

    [Fact]
    public void What_a_killed_process_left_does_not_stand_in_the_way()
    {
        using (Process process = ChildProcess.StartAssembly("PatchDpo.Torch.Tests.dll", SaveProgram.Lock, Root))
        {
            try
            {
                Assert.Equal(SaveProgram.Stopped, process.StandardOutput.ReadLine());
                Assert.Throws<IOException>(() => FolderLock.Take(Root, "builds"));
            }
            finally
            {
                process.Kill();
            }
            process.WaitForExit();
        }
        Assert.Single(Directory.GetFiles(Root));
        FolderLock.Take(Root, "builds").Dispose();
        Assert.Empty(Directory.GetFiles(Root));
    }

    [SkippableFact]
    public void One_whose_file_was_taken_away_leaves_the_next_ones_alone()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows removes no file that is held.");
        FolderLock first = FolderLock.Take(Root, "builds");
        File.Delete(_folder.File(FolderLock.FileName));
        using (FolderLock.Take(Root, "builds"))
        {
            first.Dispose();
            Assert.Throws<IOException>(() => FolderLock.Take(Root, "builds"));
        }
        Assert.Empty(Directory.GetFiles(Root));
    }

    [Fact]
    public void Letting_go_twice_does_nothing_to_the_next_one()
    {
        FolderLock first = FolderLock.Take(Root, "builds");
        first.Dispose();
        using FolderLock second = FolderLock.Take(Root, "builds");
        first.Dispose();
        Assert.Throws<IOException>(() => FolderLock.Take(Root, "builds"));
    }

    [Fact]
    public void Of_many_threads_one_at_a_time_has_it()
    {
        int inside = 0, most = 0, taken = 0;
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            for (int i = 0; i < 500; i++)
            {
                try
                {
                    using FolderLock held = FolderLock.Take(Root, "builds");
                    int now = Interlocked.Increment(ref inside);
                    if (now > 1)
                        Interlocked.Exchange(ref most, now);
                    Interlocked.Increment(ref taken);
                    Interlocked.Decrement(ref inside);
                }
                catch (IOException)
                {
                }
            }
        });
        Assert.Equal(0, most);
        Assert.True(taken > 0);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named()
        => Assert.Throws<DirectoryNotFoundException>(() => FolderLock.Take(_folder.File("none"), "builds"));
}
