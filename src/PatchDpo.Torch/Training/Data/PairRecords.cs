using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PatchDpo.Torch.Training.Data;

/// <summary>The records of all pairs of a training, in their order: in memory, or in files, whose pages the process does not hold.</summary>
internal sealed class PairRecords : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<byte[]> _memory = [];
    private readonly FileStream? _data, _ends;
    private string? _sha256;

    /// <param name="folder">A folder for the files, which go with it; null keeps the records in memory.</param>
    public PairRecords(string? folder)
    {
        if (folder is null)
            return;
        _data = Create("pairs");
        _ends = Create("ends");

        FileStream Create(string name)
            => new(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 16, FileOptions.DeleteOnClose);
    }

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The least value of all quality maps.</summary>
    public float LeastQuality { get; private set; } = float.PositiveInfinity;

    /// <summary>The greatest value of all quality maps.</summary>
    public float GreatestQuality { get; private set; } = float.NegativeInfinity;

    /// <summary>SHA-256 of all records, one after the other; none can be added then.</summary>
    public string Sha256 => _sha256 ??= Convert.ToHexStringLower(_hash.GetHashAndReset());

    /// <summary>Adds a record.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    public void Add(PairRecord record)
    {
        byte[] bytes = record.ToBytes();
        _hash.AppendData(bytes);
        Count = checked(Count + 1);
        foreach (PairImage image in new[] { record.Reference, record.Generated })
        {
            LeastQuality = Math.Min(LeastQuality, image.Quality.Values.Min());
            GreatestQuality = Math.Max(GreatestQuality, image.Quality.Values.Max());
        }
        if (_data is null)
        {
            _memory.Add(bytes);
            return;
        }
        _data.Write(bytes);
        Span<byte> end = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(end, _data.Position);
        _ends!.Write(end);
    }

    /// <summary>Has all records where they can be read.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    public void Flush()
    {
        _data?.Flush();
        _ends?.Flush();
    }

    /// <summary>The record of a pair, by its place.</summary>
    public PairRecord this[long pair]
    {
        get
        {
            if (_data is null)
                return PairRecord.FromBytes(_memory[(int)pair]);
            long begin = pair == 0 ? 0 : End(pair - 1);
            byte[] bytes = new byte[End(pair) - begin];
            Read(_data, bytes, begin);
            return PairRecord.FromBytes(bytes);
        }
    }

    /// <summary>All records, one after another.</summary>
    public IEnumerable<PairRecord> All()
    {
        for (int pair = 0; pair < Count; pair++)
            yield return this[pair];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _hash.Dispose();
        _data?.Dispose();
        _ends?.Dispose();
    }

    private long End(long pair)
    {
        Span<byte> end = stackalloc byte[sizeof(long)];
        Read(_ends!, end, pair * sizeof(long));
        return BinaryPrimitives.ReadInt64LittleEndian(end);
    }

    private static void Read(FileStream file, Span<byte> bytes, long position)
    {
        while (bytes.Length > 0)
        {
            int count = RandomAccess.Read(file.SafeFileHandle, bytes, position);
            if (count == 0)
                throw new IOException($"'{file.Name}' ends before its record.");
            bytes = bytes[count..];
            position += count;
        }
    }
}
