using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Weights.Zip;

/// <summary>The entries of a zip file whose content is stored as it is, with the places of their bytes.</summary>
/// <remarks>
/// PyTorch stores its entries uncompressed, so that they can be read in place; compressed ones are refused, and with them
/// decompression bombs. Format: PKWARE's APPNOTE.TXT, sections 4.3 and 4.4.
/// </remarks>
internal sealed class ZipDirectory
{
    private const int EndLength = 22, End64Length = 56, Locator64Length = 20, CentralLength = 46, LocalLength = 30, MaxCommentLength = ushort.MaxValue;
    private const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, Locator64Signature = 0x07064b50, CentralSignature = 0x02014b50,
        LocalSignature = 0x04034b50;

    /// <summary>An entry that TorchScript has and a checkpoint has not.</summary>
    public const string TorchScriptEntry = "constants.pkl";

    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly Dictionary<string, ZipItem> _items = new(StringComparer.Ordinal);
    private readonly List<string> _compressed = [];

    private ZipDirectory(SafeFileHandle file, string path)
    {
        _file = file;
        _path = path;
    }

    /// <summary>The entries by name.</summary>
    public IReadOnlyDictionary<string, ZipItem> Items => _items;

    /// <summary>Reads and checks the directory.</summary>
    /// <exception cref="WeightsFormatException">The file is no zip file, contradicts itself, or has compressed entries.</exception>
    public static ZipDirectory Read(SafeFileHandle file, string path, int maxBytes)
    {
        ZipDirectory directory = new(file, path);
        (long start, long length, long count) = directory.FindCentral();
        if (length > maxBytes)
            throw directory.Fail($"its directory has {length} bytes; the limit is {maxBytes}.");
        byte[] central = directory.Take(start, length);
        int position = 0;
        for (long i = 0; i < count; i++)
            position = directory.ReadEntry(central, position, start);
        if (directory._compressed.Count > 0)
            throw directory.FailCompressed();
        if (position != central.Length)
            throw directory.Fail($"its directory of {count} entries has {central.Length} bytes, {position} of them used.");
        directory.CheckOverlaps();
        return directory;
    }

    /// <summary>Says that the file is TorchScript.</summary>
    public static WeightsFormatException FailTorchScript(string path, string entry)
        => new(path, entry, "this is TorchScript, a compiled model; load it with torch.jit.load, and save its state_dict() with torch.save.");

    /// <summary>Reads a small entry whole and compares its checksum.</summary>
    public byte[] ReadItem(string name, int maxBytes)
    {
        ZipItem item = _items[name];
        if (item.Length > maxBytes)
            throw new WeightsFormatException(_path, name, $"the entry has {item.Length} bytes; the limit is {maxBytes}.");
        byte[] bytes = Take(item.Position, item.Length);
        return Crc32.Of(bytes) == item.Crc ? bytes : throw new WeightsFormatException(_path, name, "the entry's checksum is wrong.");
    }

    private (long Start, long Length, long Count) FindCentral()
    {
        long fileLength = RandomAccess.GetLength(_file);
        long tailStart = Math.Max(0, fileLength - EndLength - MaxCommentLength);
        byte[] tail = Take(tailStart, fileLength - tailStart);
        int end = tail.Length - EndLength;
        while (end >= 0 && !(U32(tail, end) == EndSignature && end + EndLength + U16(tail, end + 20) == tail.Length))
            end--;
        if (end < 0)
            throw Fail("it has no end of a zip directory: it is cut short or no zip file.");
        long limit = tailStart + end;
        ulong count = U16(tail, end + 10), length = U32(tail, end + 12), start = U32(tail, end + 16);
        if (U16(tail, end + 4) != 0)
            throw Fail("it is one of several volumes.");
        if (count == ushort.MaxValue || length == uint.MaxValue || start == uint.MaxValue)
        {
            if (limit < Locator64Length || U32(Take(limit - Locator64Length, 4), 0) != Locator64Signature)
                throw Fail("its zip64 locator is missing.");
            ulong end64 = U64(Take(limit - Locator64Length, Locator64Length), 8);
            if (end64 > (ulong)(limit - Locator64Length) || (ulong)(limit - Locator64Length) - end64 < End64Length)
                throw Fail("its zip64 end of directory lies outside the file.");
            byte[] record = Take((long)end64, End64Length);
            if (U32(record, 0) != End64Signature)
                throw Fail("its zip64 end of directory is missing.");
            (count, length, start, limit) = (U64(record, 32), U64(record, 40), U64(record, 48), (long)end64);
        }
        if (start > (ulong)limit || length > (ulong)limit - start)
            throw Fail("its directory lies outside the file.");
        return count <= length / CentralLength
            ? ((long)start, (long)length, (long)count)
            : throw Fail($"its directory of {length} bytes claims {count} entries.");
    }

    private int ReadEntry(byte[] central, int at, long centralStart)
    {
        if (central.Length - at < CentralLength || U32(central, at) != CentralSignature)
            throw Fail("an entry of its directory is broken.");
        int nameLength = U16(central, at + 28), extraLength = U16(central, at + 30), next = at + CentralLength + nameLength + extraLength
            + U16(central, at + 32);
        if (next > central.Length)
            throw Fail("an entry of its directory is broken.");
        ReadOnlySpan<byte> nameBytes = central.AsSpan(at + CentralLength, nameLength);
        string name = Encoding.Latin1.GetString(nameBytes);
        if ((U16(central, at + 8) & 1) != 0)
            throw new WeightsFormatException(_path, name, "the entry is encrypted.");
        if (U16(central, at + 10) != 0)
        {
            // Refused once all names are known, which tell what the file is.
            _compressed.Add(name);
            return next;
        }
        ulong[] sizes = [U32(central, at + 24), U32(central, at + 20), U32(central, at + 42)];
        ReadZip64(central.AsSpan(at + CentralLength + nameLength, extraLength), sizes, name);
        (ulong length, ulong stored, ulong local) = (sizes[0], sizes[1], sizes[2]);
        if (length != stored)
            throw new WeightsFormatException(_path, name, $"the entry is stored as it is, but claims {length} bytes in {stored}.");
        if (local > (ulong)centralStart || (ulong)centralStart - local < LocalLength)
            throw new WeightsFormatException(_path, name, "the entry lies outside the file.");
        byte[] header = Take((long)local, LocalLength);
        int localNameLength = U16(header, 26);
        long position = (long)local + LocalLength + localNameLength + U16(header, 28);
        if (U32(header, 0) != LocalSignature || U16(header, 8) != 0 || position > centralStart || length > (ulong)(centralStart - position)
            || !Take((long)local + LocalLength, localNameLength).AsSpan().SequenceEqual(nameBytes))
            throw new WeightsFormatException(_path, name, "the entry's own header contradicts the directory.");
        if (!_items.TryAdd(name, new ZipItem(name, (long)local, position, (long)length, U32(central, at + 16))))
            throw new WeightsFormatException(_path, name, "the entry appears twice in the zip file.");
        return next;
    }

    /// <summary>Takes the sizes that do not fit 32 bits from the entry's extra field.</summary>
    private void ReadZip64(ReadOnlySpan<byte> extra, ulong[] sizes, string name)
    {
        if (!sizes.Contains(uint.MaxValue))
            return;
        while (extra.Length >= 4)
        {
            int id = BinaryPrimitives.ReadUInt16LittleEndian(extra), length = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (length > extra.Length - 4)
                break;
            ReadOnlySpan<byte> values = extra.Slice(4, length);
            extra = extra[(4 + length)..];
            if (id != 1)
                continue;
            for (int i = 0; i < sizes.Length; i++)
            {
                if (sizes[i] != uint.MaxValue)
                    continue;
                if (values.Length < 8)
                    throw new WeightsFormatException(_path, name, "the entry's zip64 sizes are missing.");
                sizes[i] = BinaryPrimitives.ReadUInt64LittleEndian(values);
                values = values[8..];
            }
            return;
        }
        throw new WeightsFormatException(_path, name, "the entry's zip64 sizes are missing.");
    }

    private void CheckOverlaps()
    {
        ZipItem? before = null;
        foreach (ZipItem item in _items.Values.OrderBy(i => i.HeaderPosition))
        {
            if (before is not null && item.HeaderPosition < before.Position + before.Length)
                throw new WeightsFormatException(_path, item.Name, $"the entry shares bytes with {KeyText.Quote(before.Name)}.");
            before = item;
        }
    }

    // TorchScript compresses its code, and a zip file of a model's folder all that is in it.
    private WeightsFormatException FailCompressed()
    {
        string[] names = [.. _items.Keys, .. _compressed];
        if (names.FirstOrDefault(n => n.EndsWith("/" + TorchScriptEntry, StringComparison.Ordinal)) is string script)
            return FailTorchScript(_path, script);
        return new WeightsFormatException(_path, _compressed[0], "the entry is compressed; PyTorch stores its entries as they are."
            + (names.Any(n => n.EndsWith(".pkl", StringComparison.Ordinal)) ? "" : " This is a zip file, not a checkpoint: unpack it."));
    }

    private WeightsFormatException Fail(string problem) => new(_path, null, $"not a sound zip file: {problem}");

    private byte[] Take(long position, long length)
    {
        byte[] bytes = new byte[length];
        return TensorBytes.TryRead(_file, position, bytes) ? bytes : throw Fail("the file ends too early.");
    }

    private static ushort U16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static ulong U64(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
}
