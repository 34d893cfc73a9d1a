using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class RegularFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Opening_never_waits_where_a_pipe_takes_the_files_name_in_between()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Named pipes lie in Linux's file system.");
        string file = _folder.File("file"), pipe = _folder.File("pipe"), path = _folder.File("path"), link = _folder.File("link");
        File.WriteAllText(file, "12345");
        using (Process made = Process.Start("mkfifo", [pipe]))
            made.WaitForExit();
        File.CreateSymbolicLink(path, file);
        int read = 0, refused = 0;
        // In the background, and the whole with a time limit: an opening that waits cannot be stopped.
        var reader = new Thread(() =>
        {
            long start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(2))
            {
                try
                {
                    using FileStream stream = RegularFile.OpenRead(path, kind => new FormatException(kind));
                    Assert.Equal(5, stream.Length);
                    read++;
                }
                catch (FormatException e) when (e.Message == "a named pipe")
                {
                    refused++;
                }
            }
        }) { IsBackground = true };
        reader.Start();
        for (int i = 0; reader.IsAlive && i < 1_000_000; i++)
        {
            File.CreateSymbolicLink(link, i % 2 == 0 ? pipe : file);
            File.Move(link, path, overwrite: true);
        }
        Assert.True(reader.Join(TimeSpan.FromSeconds(20)), "It hangs.");
        Assert.True(read > 0 && refused > 0, $"{read} {refused}");
    }

    [Fact]
    public void A_file_is_read_from_its_beginning_and_at_positions()
    {
        string path = _folder.File("file");
        File.WriteAllText(path, "12345");
        using FileStream stream = RegularFile.OpenRead(path, kind => new FormatException(kind));
        using SafeFileHandle handle = RegularFile.OpenHandle(path, kind => new FormatException(kind));
        Assert.Equal((byte)'1', stream.ReadByte());
        byte[] two = new byte[2];
        Assert.Equal(2, RandomAccess.Read(handle, two, 3));
        Assert.Equal("45"u8, two);
        Assert.Equal(5, RandomAccess.GetLength(handle));
    }

    [Fact]
    public void A_file_that_another_holds_for_itself_is_told()
    {
        string path = _folder.File("file");
        using (new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None))
            Assert.Contains(path, Assert.Throws<IOException>(() => RegularFile.OpenRead(path, kind => new FormatException(kind))).Message,
                StringComparison.Ordinal);
        RegularFile.OpenRead(path, kind => new FormatException(kind)).Dispose();
    }

    [Fact]
    public void A_path_with_a_null_character_is_no_shorter_path()
    {
        File.WriteAllText(_folder.File("file"), "12345");
        Assert.Throws<ArgumentException>(() => RegularFile.OpenRead(_folder.File("file\0.txt"), kind => new FormatException(kind)));
    }

    [SkippableFact]
    public void An_open_file_is_at_its_path_until_another_takes_it()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows replaces no open file.");
        string path = _folder.File("file"), other = _folder.File("other");
        File.WriteAllText(path, "1");
        File.WriteAllText(other, "1");
        using SafeFileHandle handle = RegularFile.OpenHandle(path, kind => new FormatException(kind));
        Assert.True(RegularFile.IsAt(handle, path));
        Assert.False(RegularFile.IsAt(handle, other));
        File.Move(other, path, overwrite: true);
        Assert.False(RegularFile.IsAt(handle, path));
        File.Delete(path);
        Assert.False(RegularFile.IsAt(handle, path));
    }
}
