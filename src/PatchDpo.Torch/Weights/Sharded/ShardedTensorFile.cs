using PatchDpo.Torch.Weights.Pickle;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Sharded;

/// <summary>A model's weights in several files (shards) beside an index that says which tensor is in which, as one file.</summary>
/// <remarks>
/// The index is transformers' and diffusers' <c>*.index.json</c>: <c>{"metadata": {"total_size": n}, "weight_map": {key: file}}</c>;
/// <c>total_size</c> is not compared with anything, as there. Shards are safetensors files or PyTorch checkpoints in the index's own folder.
/// Opening opens each shard once and checks that index and shards agree; tensors are read when they are asked for. A tensor
/// that a shard holds and the index does not name belongs to the weights too: transformers takes all tensors of all shards.
/// Reads may run in parallel.
/// </remarks>
public sealed class ShardedTensorFile : ITensorFile
{
    private readonly List<ITensorFile> _shards = [];
    private readonly OrderedDictionary<string, ITensorFile> _owners = new(StringComparer.Ordinal);
    private bool _disposed;

    private ShardedTensorFile(string path, ShardedTensorOptions options)
    {
        Path = path;
        ShardIndex index = ShardIndex.Read(path, options);
        Metadata = index.Metadata;
        try
        {
            OpenShards(index, options);
            CheckIndex(index);
        }
        catch
        {
            Dispose();
            throw;
        }
        Keys = [.. _owners.Keys];
    }

    /// <summary>The index.</summary>
    public string Path { get; }

    /// <summary>The shards' paths, in order.</summary>
    public IReadOnlyList<string> ShardPaths => [.. _shards.Select(s => s.Path)];

    /// <summary>The index's metadata, such as <c>total_size</c>; numbers as their text.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors' keys: shard by shard.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>Opens an index and all of its shards.</summary>
    /// <param name="path">The index.</param>
    /// <param name="options">Limits, and how shards are opened; null for the defaults.</param>
    /// <exception cref="ModelFileNotFoundException">A shard is missing.</exception>
    /// <exception cref="WeightsFormatException">The index or a shard breaks its format or a limit, or they contradict each other.</exception>
    /// <exception cref="UnsafePickleException">A shard is a checkpoint that asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read, or the path is a folder's.</exception>
    public static ShardedTensorFile Open(string path, ShardedTensorOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new ShardedTensorFile(path, options ?? new ShardedTensorOptions());
    }

    /// <inheritdoc/>
    public bool Contains(string key) => _owners.ContainsKey(key);

    /// <inheritdoc/>
    public long[] Shape(string key) => Owner(key).Shape(key);

    /// <inheritdoc/>
    public ScalarType DType(string key) => Owner(key).DType(key);

    /// <inheritdoc/>
    public Tensor Read(string key, Device? device = null, ScalarType? dtype = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return Owner(key).Read(key, device, dtype);
    }

    /// <inheritdoc/>
    public void CopyTo(string key, Tensor target)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Owner(key).CopyTo(key, target);
    }

    /// <summary>Closes the shards; tensors that were read stay valid.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (ITensorFile shard in _shards)
            shard.Dispose();
    }

    private void OpenShards(ShardIndex index, ShardedTensorOptions options)
    {
        // The first key of each file, for messages.
        SortedDictionary<string, string> files = new(StringComparer.Ordinal);
        foreach ((string key, string file) in index.Files)
            files.TryAdd(file, key);
        if (files.Count > options.MaxShards)
            throw new WeightsFormatException(Path, null, $"the index names {files.Count} shards; the limit is {options.MaxShards}.");

        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        foreach ((string file, string key) in files)
        {
            string path = System.IO.Path.Combine(folder, file);
            if (!File.Exists(path))
                throw new ModelFileNotFoundException(folder, file, Path, key);
            ITensorFile shard = WeightsFile.OpenSingle(path, options.Safetensors);
            _shards.Add(shard);
            foreach (string tensor in shard.Keys)
            {
                if (!_owners.TryAdd(tensor, shard))
                    throw new WeightsFormatException(
                        Path, tensor, $"two shards have this tensor: {KeyText.Quote(Name(_owners[tensor]))} and {KeyText.Quote(file)}.");
            }
        }
    }

    private void CheckIndex(ShardIndex index)
    {
        foreach ((string key, string file) in index.Files)
        {
            string? found = _owners.TryGetValue(key, out ITensorFile? owner) ? Name(owner) : null;
            if (found != file)
                throw new WeightsFormatException(Path, key, $"the index places this tensor in {KeyText.Quote(file)}, "
                    + $"{(found is null ? "which lacks it" : $"but it is in {KeyText.Quote(found)}")}.");
        }
    }

    private ITensorFile Owner(string key) => _owners.TryGetValue(key, out ITensorFile? shard)
        ? shard
        : throw new KeyNotFoundException($"'{Path}' has no tensor {KeyText.Quote(key)} in its {_shards.Count} shards.");

    private static string Name(ITensorFile shard) => System.IO.Path.GetFileName(shard.Path);
}
