using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>A safetensors file, mapped into memory: tensors are read by key when they are asked for.</summary>
/// <remarks>
/// Safe for untrusted files: opening checks the whole header (sizes, offsets, overlaps, holes), runs no code and allocates no
/// more than a small multiple of the header; reading allocates the tensor. The file must not be shortened while it is open.
/// Format: github.com/huggingface/safetensors.
/// </remarks>
public sealed unsafe class SafetensorsFile : ITensorSource, IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private readonly byte* _data;
    private bool _disposed;

    private SafetensorsFile(string path, SafetensorsOptions options)
    {
        Path = path;
        // The map takes the stream over and closes it.
        FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        long length = stream.Length;
        if (length < sizeof(ulong))
        {
            stream.Dispose();
            throw new WeightsFormatException(path, null, $"a safetensors file has at least 8 bytes, this one has {length}.");
        }
        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        try
        {
            _view = _map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            start += _view.PointerOffset;
            int headerLength = HeaderLength(new ReadOnlySpan<byte>(start, sizeof(ulong)), length, options);
            _data = start + sizeof(ulong) + headerLength;
            SafetensorsHeader header = SafetensorsHeader.Parse(
                new ReadOnlySpan<byte>(start + sizeof(ulong), headerLength), length - sizeof(ulong) - headerLength, path);
            Metadata = header.Metadata;
            Keys = [.. header.Entries.Select(e => e.Key)];
            _entries = header.Entries.ToDictionary(e => e.Key, StringComparer.Ordinal);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The header's <c>__metadata__</c>; empty where the file has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors' keys, in the header's order.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>Maps a file and checks its header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <exception cref="WeightsFormatException">The file breaks the format or a limit.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SafetensorsFile Open(string path, SafetensorsOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new SafetensorsFile(path, options ?? new SafetensorsOptions());
    }

    /// <summary>Whether the file has this tensor.</summary>
    public bool Contains(string key) => _entries.ContainsKey(key);

    /// <summary>A tensor's shape; empty for a scalar.</summary>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    public long[] Shape(string key) => [.. Entry(key).Shape];

    /// <summary>A tensor's dtype in the file.</summary>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    public ScalarType DType(string key) => Entry(key).DType;

    /// <summary>Copies one tensor out of the file.</summary>
    /// <param name="key">The tensor's key.</param>
    /// <param name="device">Where it goes; null for the CPU.</param>
    /// <param name="dtype">What it is converted to; null for the file's dtype.</param>
    /// <returns>The tensor; the caller disposes it.</returns>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        SafetensorsEntry entry = Entry(key);
        using DisposeScope scope = NewDisposeScope();
        // A bool's byte may only be 0 or 1 in libtorch; the file may hold others.
        bool isBool = entry.DType == ScalarType.Bool;
        Tensor tensor = empty(entry.Shape, dtype: isBool ? ScalarType.Byte : entry.DType, device: CPU);
        TensorBytes.CopyFrom(tensor, _data + entry.Begin);
        if (isBool)
            tensor = tensor.ne(0);
        return tensor.to(dtype ?? entry.DType, device ?? CPU).MoveToOuterDisposeScope();
    }

    /// <summary>Copies one tensor's values into a tensor of the same shape, converting them to its dtype and device.</summary>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    /// <exception cref="ArgumentException">The target has another shape.</exception>
    public void CopyTo(string key, Tensor target)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(target);
        SafetensorsEntry entry = Entry(key);
        if (!target.shape.AsSpan().SequenceEqual(entry.Shape))
            throw new ArgumentException($"'{Path}', key {KeyText.Quote(key)}: its shape is [{string.Join(",", entry.Shape)}], the target's [{string.Join(",", target.shape)}].", nameof(target));
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        if (target.device_type == DeviceType.CPU && target.dtype == entry.DType && entry.DType != ScalarType.Bool && target.is_contiguous())
            TensorBytes.CopyFrom(target, _data + entry.Begin);
        else
            target.copy_(Read(key));
    }

    /// <summary>Copies all tensors out of the file, in its dtypes, onto the CPU.</summary>
    /// <returns>The tensors by key; the caller disposes them.</returns>
    public Dictionary<string, Tensor> ReadAll()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = new(Keys.Count, StringComparer.Ordinal);
        foreach (string key in Keys)
            tensors.Add(key, Read(key).MoveToOuterDisposeScope());
        return tensors;
    }

    /// <summary>Searches the file for tensors that hold NaN or an infinity.</summary>
    /// <returns>Their keys, in the header's order; empty where all values are finite.</returns>
    public IReadOnlyList<string> FindNonFinite()
    {
        List<string> found = [];
        foreach (string key in Keys)
        {
            using DisposeScope scope = NewDisposeScope();
            if (Entry(key).DType is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16
                && !Read(key).isfinite().all().item<bool>())
                found.Add(key);
        }
        return found;
    }

    /// <summary>Unmaps the file; tensors that were read stay valid.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        if (_view is not null)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
        }
        _map.Dispose();
    }

    private SafetensorsEntry Entry(string key) => _entries.TryGetValue(key, out SafetensorsEntry? entry)
        ? entry
        : throw new KeyNotFoundException($"'{Path}' has no tensor {KeyText.Quote(key)}.");

    private int HeaderLength(ReadOnlySpan<byte> prefix, long fileLength, SafetensorsOptions options)
    {
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > (ulong)options.MaxHeaderBytes)
            throw new WeightsFormatException(Path, null, $"its header claims {headerLength} bytes; the limit is {options.MaxHeaderBytes}.");
        if (headerLength > (ulong)(fileLength - sizeof(ulong)))
            throw new WeightsFormatException(Path, null, $"its header claims {headerLength} bytes, but only {fileLength - sizeof(ulong)} follow.");
        return (int)headerLength;
    }
}
