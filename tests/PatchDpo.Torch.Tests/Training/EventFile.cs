using System.Buffers.Binary;
using System.Text;

namespace PatchDpo.Torch.Tests.Training;

/// <summary>Reads a TensorBoard event file: TFRecord frames with masked CRC-32C, each a protocol buffer.</summary>
/// <remarks>tensorflow, lib/io/record_writer.h, and tensorboard, event.proto and summary.proto.</remarks>
internal static class EventFile
{
    /// <summary>A number of a step.</summary>
    internal sealed record Scalar(string Tag, long Step, float Value);

    /// <summary>The scalars, in the file's order; every checksum is compared.</summary>
    public static List<Scalar> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        List<Scalar> scalars = [];
        for (int at = 0; at < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.Equal(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            byte[] data = file[(at + 12)..(at + 12 + length)];
            Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            Dictionary<int, byte[]> fields = Fields(data);
            if (fields.TryGetValue(5, out byte[]? summary))
            {
                Dictionary<int, byte[]> value = Fields(Fields(summary)[1]);
                scalars.Add(new Scalar(Encoding.UTF8.GetString(value[1]), fields.TryGetValue(2, out byte[]? step) ? BitConverter.ToInt64(step) : 0,
                    value.TryGetValue(2, out byte[]? number) ? BitConverter.ToSingle(number) : 0));
            }
            at += length + 16;
        }
        return scalars;
    }

    // Of a field that stands there once: its bytes, a number's as eight of them.
    private static Dictionary<int, byte[]> Fields(byte[] message)
    {
        Dictionary<int, byte[]> fields = [];
        for (int at = 0; at < message.Length;)
        {
            long key = Varint(message, ref at);
            int length = (key & 7) switch { 0 => 0, 1 => 8, 2 => (int)Varint(message, ref at), _ => 4 };
            byte[] value = (key & 7) == 0 ? BitConverter.GetBytes(Varint(message, ref at)) : message[at..(at + length)];
            fields[(int)(key >> 3)] = value;
            at += length;
        }
        return fields;
    }

    private static long Varint(byte[] message, ref int at)
    {
        long value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (long)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }
}
