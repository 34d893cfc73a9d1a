using System.Buffers.Binary;
using System.Text;
using PatchDpo.Tests;

namespace PatchDpo.Fuzz.Mutations;

/// <summary>Changes inside a zip checkpoint; sizes, places and checksums are made anew, so that they get past the container.</summary>
internal static class ZipMutations
{
    private const int LocalLength = 30;

    public static readonly IReadOnlyList<Mutation> All = [ChangePickle, ChangePickle, ChangePickle, ChangePickle, ChangeEntry, ChangeHeaders];

    private static byte[] ChangePickle(byte[] bytes, byte[] partner, Random random)
    {
        List<CheckpointBytes.ZipEntry> entries = Split(bytes), theirs = Split(partner);
        int index = entries.FindIndex(IsPickle);
        if (index < 0)
            return bytes;
        byte[] pickle = entries[index].Data, other = theirs.Find(IsPickle)?.Data ?? pickle;
        entries[index] = entries[index] with { Data = PickleMutations.ChangeOne(pickle, other, random) };
        return CheckpointBytes.Archive([.. entries]);
    }

    private static byte[] ChangeEntry(byte[] bytes, byte[] partner, Random random)
    {
        List<CheckpointBytes.ZipEntry> entries = Split(bytes);
        if (entries.Count == 0)
            return bytes;
        int index = random.Next(entries.Count);
        CheckpointBytes.ZipEntry entry = entries[index];
        switch (random.Next(5))
        {
            case 0:
                entries.RemoveAt(index);
                break;
            case 1:
                entries.Add(random.Next(2) == 0 ? entry : entry with { Name = $"archive/data/{random.Next(12)}" });
                break;
            case 2:
                string[] names = ["archive/data.pkl", "archive/data/0", "archive/data/1", "archive/constants.pkl", "archive/byteorder", "data.pkl",
                    "other/data.pkl", "../data/0", ""];
                entries[index] = entry with { Name = names[random.Next(names.Length)] };
                break;
            case 3:
                entries[index] = entry with { Data = ByteMutations.All[random.Next(ByteMutations.All.Count)](entry.Data, entry.Data, random) };
                break;
            default:
                int other = random.Next(entries.Count);
                (entries[index], entries[other]) = (entries[other], entries[index]);
                break;
        }
        return CheckpointBytes.Archive([.. entries]);
    }

    private static byte[] ChangeHeaders(byte[] bytes, byte[] partner, Random random)
    {
        List<CheckpointBytes.ZipEntry> entries = Split(bytes);
        if (entries.Count == 0)
            return bytes;
        int index = random.Next(entries.Count);
        CheckpointBytes.ZipEntry entry = entries[index];
        uint Any() => (uint)ByteMutations.Integer(random);
        entries[index] = random.Next(8) switch
        {
            0 => entry with { Method = (ushort)random.Next(16) },
            1 => entry with { Flags = (ushort)(1 << random.Next(16)) },
            2 => entry with { Crc = Any() },
            3 => entry with { Length = Any() },
            4 => entry with { Stored = Any() },
            5 => entry with { Place = Any() },
            6 => entry with { LocalName = entry.Name + "x" },
            _ => entry with { Length = uint.MaxValue, Stored = uint.MaxValue,
                Extra = [1, 0, 16, 0, .. BitConverter.GetBytes(ByteMutations.Integer(random)), .. BitConverter.GetBytes(ByteMutations.Integer(random))] },
        };
        return CheckpointBytes.Archive([.. entries]);
    }

    private static bool IsPickle(CheckpointBytes.ZipEntry entry) => entry.Name.EndsWith("data.pkl", StringComparison.Ordinal);

    // The entries in front, as far as their own headers tell.
    private static List<CheckpointBytes.ZipEntry> Split(byte[] bytes)
    {
        List<CheckpointBytes.ZipEntry> entries = [];
        for (int at = 0; bytes.Length - at >= LocalLength && BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) == 0x04034b50;)
        {
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at + 26)), begin = at + LocalLength + nameLength;
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 18));
            if (begin > bytes.Length || length > bytes.Length - begin)
                break;
            at = begin + (int)length;
            entries.Add(new(Encoding.UTF8.GetString(bytes, begin - nameLength, nameLength), bytes[begin..at]));
        }
        return entries;
    }
}
