namespace PatchDpo.Torch.Tests.Weights;

/// <summary>A stream that takes a number of bytes; what is written beyond them is left out, and something happens instead.</summary>
internal sealed class LimitedStream(Stream inner, long limit, Action onLimit) : Stream
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
            onLimit();
    }

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
