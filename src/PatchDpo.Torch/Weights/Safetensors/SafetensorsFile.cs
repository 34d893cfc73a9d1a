using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Safetensors;

/// <summary>A safetensors file: tensors are read by key when they are asked for, straight into their own memory, or lie in the mapped file.</summary>
/// <remarks>
/// Safe for untrusted files: opening checks the whole header (sizes, offsets, overlaps, holes), runs no code and allocates no
/// more than a small multiple of the header; reading allocates the tensor. The file is mapped into memory only where
/// <see cref="SafetensorsOptions.MemoryMap"/> asks for it: a file that is cut short meanwhile is an exception otherwise, and the end
/// of the process then. Reads may run in parallel. Format: github.com/huggingface/safetensors.
/// </remarks>
public sealed class SafetensorsFile : ITensorFile
{
    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private readonly long _dataStart;
    private readonly FileMapping? _mapping;
    private ConversionBuffer? _buffer;

    private SafetensorsFile(string path, SafetensorsOptions options)
    {
        Path = path;
        _file = WeightsPath.OpenHandle(path);
        try
        {
            byte[] json = ReadHeader(options);
            _dataStart = sizeof(ulong) + json.LongLength;
            SafetensorsHeader header = SafetensorsHeader.Parse(json, RandomAccess.GetLength(_file) - _dataStart, path);
            Metadata = header.Metadata;
            Keys = [.. header.Entries.Select(e => e.Key)];
            _entries = header.Entries.ToDictionary(e => e.Key, StringComparer.Ordinal);
            // Only now: the data is known to fill the file to its end.
            if (options.MemoryMap)
                _mapping = new FileMapping(_file, path, RandomAccess.GetLength(_file), header.Entries.Where(IsMappable).Select(e => e.DType).Distinct());
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The header's <c>__metadata__</c>; empty where the file has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors' keys, in the header's order.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>Opens a file and checks its header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Limits, and whether the file is mapped into memory; null for the defaults.</param>
    /// <exception cref="WeightsFormatException">The file breaks the format or a limit.</exception>
    /// <exception cref="IOException">The file cannot be read, or not mapped where that is asked for.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or the path is a folder's.</exception>
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

    /// <summary>Takes one tensor out of the file: a copy, or the mapped file's own bytes (see <see cref="SafetensorsOptions.MemoryMap"/>).</summary>
    /// <param name="key">The tensor's key.</param>
    /// <param name="device">Where it goes; null for the CPU.</param>
    /// <param name="dtype">What it is converted to; null for the file's dtype.</param>
    /// <returns>The tensor; the caller disposes it.</returns>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null)
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        SafetensorsEntry entry = Entry(key);
        TorchRuntime.Initialize();
        using DisposeScope scope = NewDisposeScope();
        // A bool's byte may only be 0 or 1 in libtorch; the file may hold others.
        bool isBool = entry.DType == ScalarType.Bool;
        // What stays on the CPU is converted while it is read; what goes elsewhere travels in the file's dtype.
        ScalarType type = isBool ? ScalarType.Byte : device is null || device.type == DeviceType.CPU ? dtype ?? entry.DType : entry.DType;
        Tensor? tensor = type == entry.DType && IsMappable(entry) ? _mapping?.Read(_dataStart + entry.Begin, type, entry.Shape) : null;
        if (tensor is null)
        {
            tensor = empty(entry.Shape, dtype: type, device: CPU);
            ReadData(entry, tensor);
        }
        if (isBool)
            tensor = tensor.to(ScalarType.Bool);
        return tensor.to(dtype ?? entry.DType, device ?? CPU).MoveToOuterDisposeScope();
    }

    /// <summary>Copies one tensor's values into a tensor of the same shape, converting them to its dtype and device.</summary>
    /// <exception cref="KeyNotFoundException">The file has no such tensor.</exception>
    /// <exception cref="ArgumentException">The target has another shape.</exception>
    public void CopyTo(string key, Tensor target)
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        ArgumentNullException.ThrowIfNull(target);
        SafetensorsEntry entry = Entry(key);
        if (!target.shape.AsSpan().SequenceEqual(entry.Shape))
            throw new ArgumentException($"'{Path}', key {KeyText.Quote(key)}: its shape is [{string.Join(",", entry.Shape)}], the target's "
                + $"[{string.Join(",", target.shape)}].", nameof(target));
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        if (target.device_type == DeviceType.CPU && entry.DType != ScalarType.Bool && target.is_contiguous())
            ReadData(entry, target);
        else
            target.copy_(Read(key));
    }

    /// <summary>Takes all tensors out of the file, in its dtypes, onto the CPU.</summary>
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

    /// <summary>Closes the file; tensors that were read stay valid.</summary>
    public void Dispose()
    {
        _file.Dispose();
        _mapping?.Dispose();
        Interlocked.Exchange(ref _buffer, null)?.Dispose();
    }

    // Bools must be looked through, and what is empty has no place.
    private static bool IsMappable(SafetensorsEntry entry) => entry.DType != ScalarType.Bool && entry.End > entry.Begin;

    private SafetensorsEntry Entry(string key) => _entries.TryGetValue(key, out SafetensorsEntry? entry)
        ? entry
        : throw new KeyNotFoundException($"'{Path}' has no tensor {KeyText.Quote(key)}.");

    private byte[] ReadHeader(SafetensorsOptions options)
    {
        long fileLength = RandomAccess.GetLength(_file);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (fileLength < prefix.Length || !TensorBytes.TryRead(_file, 0, prefix))
            throw new WeightsFormatException(Path, null, $"a safetensors file has at least 8 bytes, this one has {fileLength}.");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > (ulong)options.MaxHeaderBytes)
            throw new WeightsFormatException(Path, null, $"its header claims {length} bytes; the limit is {options.MaxHeaderBytes}.");
        if (length > (ulong)(fileLength - prefix.Length))
            throw new WeightsFormatException(Path, null, $"its header claims {length} bytes, but only {fileLength - prefix.Length} follow.");
        byte[] json = new byte[length];
        return TensorBytes.TryRead(_file, prefix.Length, json) ? json : throw new WeightsFormatException(Path, null, "the file ends within its header.");
    }

    private void ReadData(SafetensorsEntry entry, Tensor target)
    {
        bool isRead = target.dtype == entry.DType || entry.DType == ScalarType.Bool
            ? TensorBytes.TryRead(_file, _dataStart + entry.Begin, target)
            : TryReadConverted(entry, target);
        if (!isRead)
            throw new WeightsFormatException(Path, entry.Key, "the file was cut short after it was opened: it ends within the tensor's data.");
    }

    private bool TryReadConverted(SafetensorsEntry entry, Tensor target)
    {
        ConversionBuffer buffer = Interlocked.Exchange(ref _buffer, null) ?? new ConversionBuffer(entry.DType);
        try
        {
            return TensorBytes.TryReadConverted(_file, _dataStart + entry.Begin, entry.DType, target, buffer);
        }
        finally
        {
            // Reads that run beside one another each have their own; one is kept.
            Interlocked.Exchange(ref _buffer, buffer)?.Dispose();
        }
    }
}
