using System.Diagnostics;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Tests.Weights;
using PatchDpo.Torch.Tests.Weights.Safetensors;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Formats => SampleFile.Formats;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_write_that_fails_at_any_byte_leaves_the_old_file_whole_and_nothing_else(string format)
    {
        byte[] old = [1, 2, 3, 4], whole = SampleFile.Bytes(format);
        string path = _folder.Write("file", old);
        for (int limit = 0; limit < whole.Length; limit++)
        {
            IOException e = Assert.Throws<IOException>(() =>
                AtomicFile.Write(path, stream => SampleFile.Write(format, new LimitedStream(stream, limit, () => throw new IOException("No space left.")))));
            Assert.Equal("No space left.", e.Message);
            Assert.Equal(old, File.ReadAllBytes(path));
            Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        }

        SampleFile.Write(format, path);
        Assert.Equal(whole, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [SkippableTheory]
    [MemberData(nameof(Formats))]
    public void A_disk_that_is_really_full_leaves_the_old_file_whole_and_nothing_else(string format)
    {
        const int Page = 4096, Pages = 32, Side = 80;
        byte[] old = [1, 2, 3, 4], whole = SampleFile.Bytes(format, Side);
        int needed = (whole.Length + Page - 1) / Page;
        using SmallDisk disk = SmallDisk.MountOrSkip(_folder.File("disk"), Page * Pages);
        string path = Path.Combine(disk.Path, "file"), filler = Path.Combine(disk.Path, "filler");
        File.WriteAllBytes(path, old);
        Assert.InRange(needed, 3, Pages - 3);
        for (int free = 0; free < needed; free++)
        {
            // The old file has a Page too.
            File.WriteAllBytes(filler, new byte[Page * (Pages - 1 - free)]);
            Assert.Throws<IOException>(() => SampleFile.Write(format, path, Side));
            Assert.Equal(old, File.ReadAllBytes(path));
            Assert.Equal([path, filler], Directory.GetFiles(disk.Path).Order(StringComparer.Ordinal));
        }

        File.Delete(filler);
        SampleFile.Write(format, path, Side);
        Assert.Equal(whole, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(disk.Path));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_process_that_is_killed_while_it_saves_leaves_the_old_file_whole(string format)
    {
        byte[] old = [1, 2, 3, 4], whole = SampleFile.Bytes(format);
        string path = _folder.Write("file", old);
        using (Process process = ChildProcess.StartAssembly("PatchDpo.Torch.Tests.dll", format, path, (whole.Length - 1).ToString()))
        {
            try
            {
                Assert.Equal(SaveProgram.Stopped, process.StandardOutput.ReadLine());
            }
            finally
            {
                process.Kill();
            }
            process.WaitForExit();
            Assert.NotEqual(0, process.ExitCode);
        }
        Assert.Equal(old, File.ReadAllBytes(path));
        // It was in the middle of it: all but one byte lie in a file beside the old one, which only a living process removes.
        Assert.Equal(whole[..^1], File.ReadAllBytes(Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!), f => f != path)));
        SampleFile.Write(format, path);
        Assert.Equal(whole, File.ReadAllBytes(path));
    }

    [Fact]
    public void The_old_file_is_seen_until_the_new_one_is_complete()
    {
        string path = _folder.Write("a.bin", [1]);
        AtomicFile.Write(path, stream =>
        {
            stream.Write([2, 3]);
            stream.Flush();
            Assert.Equal([1], File.ReadAllBytes(path));
        });
        Assert.Equal([2, 3], File.ReadAllBytes(path));
    }

    [Fact]
    public void A_missing_folder_is_an_io_error() =>
        Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.Write(_folder.File("none/a.bin"), _ => { }));
}
