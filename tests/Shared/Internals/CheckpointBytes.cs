using System.Runtime.InteropServices;
using System.Text;
using PatchDpo.Torch.Weights.Zip;

namespace PatchDpo.Tests;

/// <summary>Builds PyTorch checkpoints: zip files of stored entries, and legacy files.</summary>
internal static class CheckpointBytes
{
    public static readonly byte[] Floats = Bytes(1f, 2f, 3f, 4f);

    public static byte[] Bytes<T>(params T[] values)
        where T : struct => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    /// <summary>A zip file; each entry may be changed after its headers are made.</summary>
    public static byte[] Archive(params ZipEntry[] entries)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        List<long> places = [];
        foreach (ZipEntry entry in entries)
        {
            places.Add(stream.Position);
            byte[] name = Encoding.UTF8.GetBytes(entry.LocalName ?? entry.Name);
            writer.Write(0x04034b50u);
            WriteCommon(writer, entry);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)0);
            writer.Write(name);
            writer.Write(entry.Data);
        }
        long start = stream.Position;
        for (int i = 0; i < entries.Length; i++)
        {
            byte[] name = Encoding.UTF8.GetBytes(entries[i].Name);
            byte[] extra = entries[i].Extra ?? [];
            writer.Write(0x02014b50u);
            writer.Write((ushort)20);
            WriteCommon(writer, entries[i]);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)extra.Length);
            writer.Write(new byte[10]);
            writer.Write(entries[i].Place ?? (uint)places[i]);
            writer.Write(name);
            writer.Write(extra);
        }
        long end = stream.Position;
        writer.Write(0x06054b50u);
        writer.Write(0);
        writer.Write((ushort)entries.Length);
        writer.Write((ushort)entries.Length);
        writer.Write((uint)(end - start));
        writer.Write((uint)start);
        writer.Write((ushort)0);
        return stream.ToArray();
    }

    /// <summary>A zip checkpoint with one storage "0".</summary>
    public static byte[] Checkpoint(byte[] pickle, params ZipEntry[] others) =>
        Archive([new ZipEntry("archive/data.pkl", pickle), new ZipEntry("archive/data/0", Floats), .. others]);

    /// <summary>A legacy checkpoint whose storages follow its pickles.</summary>
    public static byte[] Legacy(byte[] content, (string Key, byte[] Data, long Count)[] storages, byte[]? magic = null, bool littleEndian = true)
    {
        SamplePickle keys = new SamplePickle().Op("](");
        foreach ((string key, _, _) in storages)
            keys.Text(key);
        return
        [
            .. new SamplePickle().Raw(0x8a, 10).Raw(magic ?? [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]).Stop(),
            .. new SamplePickle().Op("M").Raw(0xe9, 0x03).Stop(),
            .. new SamplePickle().Op("}").Text("little_endian").Raw(littleEndian ? (byte)0x88 : (byte)0x89).Op("s").Stop(),
            .. content,
            .. keys.Op("e").Stop(),
            .. storages.SelectMany(s => (byte[])[.. BitConverter.GetBytes(s.Count), .. s.Data]),
        ];
    }

    private static void WriteCommon(BinaryWriter writer, ZipEntry entry)
    {
        writer.Write((ushort)20);
        writer.Write(entry.Flags);
        writer.Write(entry.Method);
        writer.Write(0);
        writer.Write(entry.Crc ?? Crc32.Of(entry.Data));
        writer.Write(entry.Stored ?? (uint)entry.Data.Length);
        writer.Write(entry.Length ?? (uint)entry.Data.Length);
    }

    /// <summary>An entry; what is set beside name and data is a lie told in the headers.</summary>
    public sealed record ZipEntry(string Name, byte[] Data)
    {
        public string? LocalName { get; init; }

        public ushort Flags { get; init; }

        public ushort Method { get; init; }

        public uint? Crc { get; init; }

        public uint? Stored { get; init; }

        public uint? Length { get; init; }

        public uint? Place { get; init; }

        public byte[]? Extra { get; init; }
    }
}
