using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_write_that_fails_at_any_byte_leaves_the_old_file_whole_and_nothing_else()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = new() { ["a"] = arange(3), ["b"] = ones(2, 2) };
        using MemoryStream whole = new();
        SafetensorsWriter.Write(whole, tensors);
        byte[] old = [1, 2, 3, 4];
        string path = _folder.Write("model.safetensors", old);
        for (long limit = 0; limit < whole.Length; limit++)
        {
            IOException e = Assert.Throws<IOException>(() =>
                AtomicFile.Write(path, stream => SafetensorsWriter.Write(new FullDiskStream(stream, limit), tensors)));
            Assert.Equal("No space left.", e.Message);
            Assert.Equal(old, File.ReadAllBytes(path));
            Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        }

        AtomicFile.Write(path, stream => SafetensorsWriter.Write(new FullDiskStream(stream, whole.Length), tensors));
        Assert.Equal(whole.ToArray(), File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
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

    /// <summary>A stream on a disk that is full after a number of bytes; what still fits is written.</summary>
    private sealed class FullDiskStream(Stream inner, long limit) : Stream
    {
        private long _written;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            int fits = (int)Math.Min(buffer.Length, limit - _written);
            inner.Write(buffer[..fits]);
            _written += fits;
            if (fits < buffer.Length)
                throw new IOException("No space left.");
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
