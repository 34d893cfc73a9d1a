using Microsoft.Win32.SafeHandles;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights.Safetensors;
using PatchDpo.Torch.Weights.Zip;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A checkpoint of PyTorch's torch.save (<c>.bin</c>, <c>.pth</c>, <c>.pt</c>, <c>.th</c>): tensors are read by key when they are asked for.</summary>
/// <remarks>
/// Loading an untrusted file runs no code: our own reader of pickles builds only what is on a short list, and either
/// returns or throws one of the documented types. Opening reads the pickle alone (up to a limit); reading allocates the
/// tensor. Nested dictionaries are flattened, with a dot between the names: <c>image_proj.latents</c>. Both the zip format
/// and the one before PyTorch 1.6 are read. Reads may run in parallel.
/// </remarks>
public sealed class TorchCheckpoint : ITensorFile
{
    private readonly SafeFileHandle _file;
    private readonly CheckpointContent _content;
    private readonly Dictionary<string, string> _metadata = [];

    private TorchCheckpoint(string path, TorchCheckpointOptions options)
    {
        Path = path;
        _file = WeightsPath.OpenHandle(path);
        try
        {
            Span<byte> start = stackalloc byte[4];
            if (!TensorBytes.TryRead(_file, 0, start))
                throw new WeightsFormatException(path, null, "the file is too short for a PyTorch checkpoint.");
            IsLegacy = start[0] == 0x80;
            _content = IsLegacy ? LegacyCheckpoint.Read(_file, path, options)
                : start.SequenceEqual("PK\x03\x04"u8) ? ZipCheckpoint.Read(_file, path, options, _metadata)
                : throw new WeightsFormatException(path, null, "this is no PyTorch checkpoint: it begins neither as a zip file nor as a pickle.");
            Keys = [.. _content.Tensors.Keys];
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>The file's free-form strings, which <see cref="TorchCheckpointWriter"/> writes and torch.save does not; empty where it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Whether the file is of the format before PyTorch 1.6, and not a zip file.</summary>
    public bool IsLegacy { get; }

    /// <summary>What the checkpoint holds beside tensors, under flat names: numbers (long or double), booleans and strings.</summary>
    public IReadOnlyDictionary<string, object> Values => _content.Values;

    /// <summary>Opens a checkpoint and reads its pickle.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <exception cref="WeightsFormatException">The file breaks its format or a limit.</exception>
    /// <exception cref="UnsafePickleException">The pickle asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or the path is a folder's.</exception>
    public static TorchCheckpoint Open(string path, TorchCheckpointOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new TorchCheckpoint(path, options ?? new TorchCheckpointOptions());
    }

    /// <inheritdoc/>
    public bool Contains(string key) => _content.Tensors.ContainsKey(key);

    /// <inheritdoc/>
    public long[] Shape(string key) => [.. View(key).Shape];

    /// <inheritdoc/>
    public ScalarType DType(string key) => View(key).Storage.DType;

    /// <inheritdoc/>
    /// <exception cref="WeightsFormatException">The storage's checksum is wrong, or the file was cut short.</exception>
    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null)
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        TorchTensorView view = View(key);
        TorchRuntime.Initialize();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        bool isBool = view.Storage.DType == ScalarType.Bool;
        ScalarType stored = isBool ? ScalarType.Byte : view.Storage.DType;
        Tensor tensor = view.IsContiguous ? empty(view.Shape, dtype: stored) : empty(view.Span, dtype: stored);
        ReadData(view, key, tensor);
        if (!view.IsContiguous)
            tensor = tensor.as_strided(view.Shape, view.Stride).contiguous();
        // A bool's byte may only be 0 or 1 in libtorch; the file may hold others.
        if (isBool)
            tensor = tensor.to(ScalarType.Bool);
        return tensor.to(dtype ?? view.Storage.DType, device ?? CPU).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void CopyTo(string key, Tensor target)
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        ArgumentNullException.ThrowIfNull(target);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor values = Read(key);
        if (!target.shape.AsSpan().SequenceEqual(values.shape))
            throw new ArgumentException($"'{Path}', key {KeyText.Quote(key)}: its shape is [{string.Join(",", values.shape)}], the target's "
                + $"[{string.Join(",", target.shape)}].", nameof(target));
        target.copy_(values);
    }

    /// <summary>Closes the file; tensors that were read stay valid.</summary>
    public void Dispose() => _file.Dispose();

    private TorchTensorView View(string key) => _content.Tensors.TryGetValue(key, out TorchTensorView? view)
        ? view
        : throw new KeyNotFoundException($"'{Path}' has no tensor {KeyText.Quote(key)}.");

    private void ReadData(TorchTensorView view, string key, Tensor target)
    {
        TorchStorage storage = view.Storage;
        // The usual tensor is its storage: then the checksum is taken on the way, else by a pass of its own.
        Crc32? onTheWay = storage.Crc is not null && view.Count == storage.Count && view.IsContiguous ? new Crc32() : null;
        uint? crc = null;
        if (storage.Crc is not null && onTheWay is null)
            crc = Crc32.Of(_file, storage.Position, (long)storage.Bytes);
        if (!TensorBytes.TryRead(_file, storage.Position + (view.Offset * SafetensorsDType.Size(storage.DType)), target, onTheWay))
            throw new WeightsFormatException(Path, key, "the file was cut short after it was opened: it ends within the tensor's data.");
        if (storage.Crc is { } expected && (onTheWay?.Value ?? crc) != expected)
            throw new WeightsFormatException(Path, key, $"the checksum of storage {KeyText.Quote(storage.Key)} is wrong.");
        // Once is enough: several tensors may share a storage.
        storage.Crc = null;
    }
}
