using System.Diagnostics;
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
            var e = Assert.Throws<IOException>(() => FolderLock.Take(Root, "builds"));
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

    [Fact]
    public void A_folder_that_is_not_there_is_named()
        => Assert.Throws<DirectoryNotFoundException>(() => FolderLock.Take(_folder.File("none"), "builds"));
}
