using Microsoft.Win32.SafeHandles;
using PatchDpo.Tests;
using PatchDpo.Torch.Weights.Zip;

namespace PatchDpo.Torch.Tests.Weights.Zip;

public sealed class ZipWriterTests : IDisposable
{
    // More than 16 bits count, and long enough for a place beyond the limit below.
    private const int Count = 70_000;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData(1000u)]
    public void Entries_of_any_size_place_and_number_come_back(uint zip64Limit)
    {
        string path = WriteSample(zip64Limit, Count);
        using SafeFileHandle handle = File.OpenHandle(path);
        ZipDirectory zip = ZipDirectory.Read(handle, path, int.MaxValue);
        Assert.Equal(Count + 2, zip.Items.Count);
        Assert.Equal(new byte[5000], zip.ReadItem("large", 5000));
        Assert.Equal([7], zip.ReadItem($"{Count - 1}", 1));
        Assert.All(zip.Items.Values, i => Assert.Equal(0, i.Position % 64));
    }

    [SkippableTheory]
    [InlineData(uint.MaxValue)]
    [InlineData(1000u)]
    public void Python_reads_them_too(uint zip64Limit) => Assert.Equal(["None 52 5000 1 0"], Python.RunOrSkip("""
        import sys, zipfile
        zip = zipfile.ZipFile(sys.argv[1])
        print(zip.testzip(), len(zip.namelist()), len(zip.read('large')), len(zip.read('49')), len(zip.read('empty')))
        """, WriteSample(zip64Limit, 50)));

    [Fact]
    public void An_entry_of_another_length_than_announced_is_refused() =>
        Assert.Throws<InvalidOperationException>(() => new ZipWriter(new MemoryStream()).Add("a", 2, write => write([1])));

    private string WriteSample(uint zip64Limit, int count)
    {
        string path = _folder.File("a.zip");
        using FileStream stream = File.Create(path);
        ZipWriter zip = new(stream, zip64Limit);
        zip.Add("large", new byte[5000]);
        zip.Add("empty", []);
        for (int i = 0; i < count; i++)
            zip.Add($"{i}", [7]);
        zip.Finish();
        return path;
    }
}
