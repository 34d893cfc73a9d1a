using System.Buffers.Binary;
using System.Numerics;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>PyTorch's format before 1.6: five pickles (magic number, version, system, content, storage keys) and then the storages.</summary>
/// <remarks>Format: torch/serialization.py, <c>_legacy_load</c>.</remarks>
internal static class LegacyCheckpoint
{
    private const long ProtocolVersion = 1001;

    private static readonly BigInteger MagicNumber = BigInteger.Parse("119547037146038801333356");

    /// <summary>Reads the pickles and finds the storages.</summary>
    public static CheckpointContent Read(SafeFileHandle file, string path, TorchCheckpointOptions options)
    {
        using Stream stream = OpenPickles(file, path, options);
        object? Load() => new PickleReader(stream, path, options.MaxPickleOperations).Load();
        WeightsFormatException Fail(string problem) => new(path, null, $"near byte {stream.Position}: {problem}");

        if (Load() is not BigInteger magic || magic != MagicNumber)
            throw Fail("it does not begin with PyTorch's magic number.");
        if (Load() is not ProtocolVersion)
            throw Fail($"it is not of PyTorch's legacy version {ProtocolVersion}.");
        if (Load() is not PickleDictionary system || system.Get("little_endian") is not true)
            throw Fail("it was not written on a little-endian machine.");
        StorageTable table = new();
        PickleReader reader = new(stream, path, options.MaxPickleOperations, table.Resolve);
        CheckpointContent content = new(reader.Load(), reader.Operations, path, options);
        if (Load() is not List<object?> keys || keys.Count != table.Storages.Count)
            throw Fail($"its list of storages does not match the {table.Storages.Count} that its content names.");

        long position = stream.Position, length = RandomAccess.GetLength(file);
        Span<byte> count = stackalloc byte[sizeof(long)];
        foreach (object? key in keys)
        {
            if (key is not string name || !table.Storages.TryGetValue(name, out TorchStorage? storage) || storage.Position >= 0)
                throw Fail("its list of storages holds a key twice or one that its content does not name.");
            if (!TensorBytes.TryRead(file, position, count))
                throw new WeightsFormatException(path, name, "the file ends before this storage.");
            if (BinaryPrimitives.ReadInt64LittleEndian(count) != storage.Count)
                throw new WeightsFormatException(
                    path, name, $"the storage has {BinaryPrimitives.ReadInt64LittleEndian(count)} elements, the content says {storage.Count}.");
            storage.Position = position + count.Length;
            if (storage.Bytes > length - storage.Position)
                throw new WeightsFormatException(path, name, $"the storage needs {storage.Bytes} bytes, but only {length - storage.Position} follow.");
            position = storage.Position + (long)storage.Bytes;
        }
        return content;
    }

    // The pickles stand at the file's beginning, so only as much of it is read as they may take.
    private static MemoryStream OpenPickles(SafeFileHandle file, string path, TorchCheckpointOptions options)
    {
        byte[] bytes = new byte[Math.Min(RandomAccess.GetLength(file), options.MaxPickleBytes)];
        return TensorBytes.TryRead(file, 0, bytes) ? new MemoryStream(bytes, writable: false)
            : throw new WeightsFormatException(path, null, "the file was cut short while it was read.");
    }
}
