using System.Text;
using PatchDpo.Torch.Weights.Zip;

namespace PatchDpo.Torch.Tests.Weights.Zip;

public class Crc32Tests
{
    [Fact]
    public void The_checksum_of_the_standard_s_check_string_is_the_published_one() => Assert.Equal(0xCBF43926u, Crc32.Of(Encoding.ASCII.GetBytes("123456789")));

    [Fact]
    public void Any_length_in_any_pieces_gives_what_the_definition_gives()
    {
        byte[] bytes = new byte[1400];
        new Random(3).NextBytes(bytes);
        for (int length = 0; length <= bytes.Length; length++)
        {
            uint expected = ByDefinition(bytes.AsSpan(0, length));
            Assert.Equal(expected, Crc32.Of(bytes.AsSpan(0, length)));
            Crc32 pieces = new();
            pieces.Append(bytes.AsSpan(0, length / 3));
            pieces.Append(bytes.AsSpan(length / 3, length - (length / 3)));
            Assert.Equal(expected, pieces.Value);
        }
    }

    private static uint ByDefinition(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }
}
