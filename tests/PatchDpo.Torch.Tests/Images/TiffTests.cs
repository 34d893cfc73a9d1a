using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>TIFF files that are refused, each by what it is; cut and oversized ones; samples of 16 bits.</summary>
public class TiffTests
{
    [Theory]
    [InlineData(2, "a fax code")]
    [InlineData(3, "a fax code")]
    [InlineData(4, "a fax code")]
    [InlineData(6, "JPEG")]
    [InlineData(7, "JPEG")]
    [InlineData(34712, "JPEG 2000")]
    [InlineData(34925, "LZMA")]
    [InlineData(50000, "Zstandard")]
    [InlineData(50001, "WebP")]
    [InlineData(12345, "an unknown method (12345)")]
    public void A_compression_that_is_not_read_is_named(int code, string name)
        => AssertRefused(Tiff(new byte[24], (259, TiffType.Short, [code])), $"compressed with {name}");

    [Theory]
    [InlineData(4, "transparency mask")]
    [InlineData(5, "CMYK")]
    [InlineData(6, "YCbCr")]
    [InlineData(8, "CIELab")]
    [InlineData(32803, "raw values")]
    public void Colours_that_are_not_read_are_named(int code, string name)
        => AssertRefused(Tiff(new byte[32], (262, TiffType.Short, [code]), (277, TiffType.Short, [4])), name);

    [Fact]
    public void Tiles_are_named() => AssertRefused(Tiff(new byte[24], (322, TiffType.Long, [16]), (323, TiffType.Long, [16])), "tiles");

    [Theory]
    [InlineData(3, 32, "floating-point")]
    [InlineData(2, 8, "signed")]
    [InlineData(1, 32, "32 bits")]
    [InlineData(1, 12, "12 bits")]
    public void Samples_that_are_not_read_are_named(int format, int bits, string name) =>
        AssertRefused(Tiff(new byte[96], (258, TiffType.Short, [bits, bits, bits]), (339, TiffType.Short, [format, format, format])), name);

    [Fact]
    public void Reversed_bits_are_named() => AssertRefused(Tiff(new byte[24], (266, TiffType.Short, [2])), "reversed order");

    [Fact]
    public void Samples_of_different_widths_are_named() => AssertRefused(Tiff(new byte[24], (258, TiffType.Short, [8, 8, 16])), "8, 8, 16 bits");

    [Theory]
    [InlineData(1, 23)]
    [InlineData(8, 5)]
    [InlineData(5, 3)]
    [InlineData(32773, 1)]
    public void A_strip_that_ends_early_is_cut_off_or_damaged(int compression, int length)
    {
        byte[] strip = compression switch { 8 => [0x78, 0x9C, 0x63, 0x60, 0x60], 5 => [0x80, 0, 0], 32773 => [0xE9], _ => new byte[length] };
        InvalidImageException error = Assert.Throws<InvalidImageException>(() => ImageFile.Decode(Tiff(strip, (259, TiffType.Short, [compression])), "x.tif"));
        Assert.Matches("cut off|damaged", error.Message);
    }

    [Fact]
    public void A_bomb_is_refused_by_its_header_or_for_what_is_not_there()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ImageTooLargeException>(() => ImageFile.Decode(Tiff(new byte[24], (256, TiffType.Long, [30_000]), (257, TiffType.Long, [30_000])), "x"));
        Assert.Throws<ImageTooLargeException>(() => ImageFile.Decode(Tiff(new byte[24], (256, TiffType.Long, [0xFFFFFFFF])), "x"));
        // Within the limits, but a hundred bytes hold no nine thousand pixels squared.
        foreach (int compression in new[] { 1, 5, 8, 32773 })
        {
            InvalidImageException error = Assert.Throws<InvalidImageException>(() => ImageFile.Decode(
                Tiff(new byte[100], (256, TiffType.Long, [9000]), (257, TiffType.Long, [9000]), (278, TiffType.Long, [9000]),
                    (259, TiffType.Short, [compression])), "x"));
            Assert.Contains("cut off", error.Message);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Of_sixteen_bits_the_high_byte_is_taken()
    {
        byte[] strip = [0xFF, 0x00, 0x00, 0x01, 0xFF, 0x7F, 0x80, 0x80, 0x00, 0xFF, 0xFF, 0xFF, 0, 1, 0, 2];
        ImageBuffer image = ImageFile.Decode(Tiff(strip, (258, TiffType.Short, [16]), (262, TiffType.Short, [1]), (277, TiffType.Short, [1])), "grey");
        Assert.Equal(1, image.Channels);
        Assert.Equal(new byte[] { 0, 1, 127, 128, 255, 255, 1, 2 }, image.Pixels);
    }

    [Fact]
    public void Of_an_extra_sample_that_is_no_alpha_nothing_is_left()
    {
        byte[] strip = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        ImageBuffer image = ImageFile.Decode(Tiff(strip, (258, TiffType.Short, [8, 8, 8, 8]), (277, TiffType.Short, [4]), (338, TiffType.Short, [0])), "rgbx");
        Assert.Equal(3, image.Channels);
        Assert.Equal(new byte[] { 0, 1, 2, 4, 5, 6 }, image.Pixels[..6]);
    }

    [Fact]
    public void Grey_with_alpha_and_two_more_samples_is_grey_with_alpha()
    {
        byte[] strip = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        ImageBuffer image = ImageFile.Decode(
            Tiff(strip, (258, TiffType.Short, [8, 8, 8, 8]), (262, TiffType.Short, [1]), (277, TiffType.Short, [4]), (338, TiffType.Short, [2, 0, 0])), "grey");
        Assert.Equal(4, image.Channels);
        Assert.Equal(new byte[] { 0, 0, 0, 1, 4, 4, 4, 5 }, image.Pixels[..8]);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(32773)]
    public void Strips_that_lie_in_each_other_are_refused_before_they_are_unpacked(int compression)
    {
        const int Height = 1000;
        byte[] strip = new byte[64];
        byte[] file = TiffWriter.Build(
            [
                (256, TiffType.Long, [4]), (257, TiffType.Long, [Height]), (258, TiffType.Short, [8]), (259, TiffType.Short, [compression]), (
                    262, TiffType.Short, [1]),
                (277, TiffType.Short, [1]), (278, TiffType.Long, [1]),
            ],
            [.. Enumerable.Repeat(new ReadOnlyMemory<byte>(strip), Height)]);
        int offsets = Table(file, 273), lengths = Table(file, 279), first = BitConverter.ToInt32(file, offsets);
        for (int i = 0; i < Height; i++)
        {
            BitConverter.TryWriteBytes(file.AsSpan(offsets + (4 * i)), first);
            BitConverter.TryWriteBytes(file.AsSpan(lengths + (4 * i)), file.Length - first);
        }
        Assert.Contains("lie in each other", Assert.Throws<InvalidImageException>(() => ImageFile.Decode(file, "x.tif")).Message);

        static int Table(byte[] file, int tag)
        {
            int entry = Enumerable.Range(0, BitConverter.ToUInt16(file, 8)).Select(i => 10 + (12 * i)).Single(e => BitConverter.ToUInt16(file, e) == tag);
            return BitConverter.ToInt32(file, entry + 8);
        }
    }

    // 4 x 2 RGB in one strip, but for the tags that are given.
    private static byte[] Tiff(byte[] strip, params (ushort Tag, TiffType Type, long[] Values)[] other)
    {
        (ushort, TiffType, long[])[] usual =
        [
            (256, TiffType.Long, [4]), (257, TiffType.Long, [2]), (258, TiffType.Short, [8, 8, 8]), (259, TiffType.Short, [1]), (262, TiffType.Short, [2]),
            (277, TiffType.Short, [3]), (278, TiffType.Long, [2]),
        ];
        return TiffWriter.Build([.. usual.Where(u => other.All(o => o.Tag != u.Item1)), .. other], [strip]);
    }

    private static void AssertRefused(byte[] tiff, string name)
    {
        InvalidImageException error = Assert.Throws<InvalidImageException>(() => ImageFile.Decode(tiff, "product.tif"));
        Assert.StartsWith("'product.tif': this TIFF is not read, because", error.Message);
        Assert.Contains(name, error.Message);
        Assert.Contains("or as PNG", error.Message);
    }
}
