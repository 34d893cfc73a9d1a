using System.Diagnostics;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>What a model encoded, each image and prompt once: in memory, or in shards on the disk that processes share.</summary>
/// <remarks>
/// A shard is written in a folder of this process's own and moved among the others when it is whole: what is there is complete, whoever was killed. Which
/// rows there are is kept in memory, about 70 bytes each.
/// </remarks>
internal sealed class ConditionStore : IDisposable
{
    // What is not yet on the disk is lost with the process: little, or what was encoded within a minute.
    private const long ShardBytes = 64 << 20;
    private static readonly TimeSpan ShardTime = TimeSpan.FromMinutes(1);

    private const string Writers = "writers", Claims = "claims";

    private readonly Dictionary<(string Kind, UInt128 Content), (ConditionShard Shard, int Row)> _rows = [];
    private readonly List<ConditionShard> _shards = [];
    private readonly List<(string Kind, ConditionShard Shard)> _unwritten = [];
    private readonly List<FolderLock> _claims = [];
    private readonly HashSet<string> _files = new(StringComparer.Ordinal);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly string? _folder;
    private readonly string _model;
    private readonly ScalarType _dtype;
    private readonly FolderLock? _lock;

    private ConditionStore(string? folder, string model, ScalarType dtype)
    {
        (_folder, _model, _dtype) = (folder, model, dtype);
        if (folder is null)
            return;
        Directory.CreateDirectory(Path.Combine(folder, Claims));
        (WorkFolder, _lock) = CreateWorkFolder(Directory.CreateDirectory(Path.Combine(folder, Writers)).FullName);
    }

    /// <summary>A folder of this process's own, removed with the store; null where the store is in memory.</summary>
    public string? WorkFolder { get; }

    /// <summary>Opens the store that options name, or one in memory.</summary>
    /// <param name="model">Who encodes.</param>
    /// <param name="options">Null: in memory.</param>
    /// <exception cref="Weights.WeightsFormatException">A shard is damaged.</exception>
    /// <exception cref="IOException">The folder cannot be read or written.</exception>
    public static ConditionStore Open(PersonalizedModel model, ConditionStoreOptions? options)
    {
        if (options is null)
            return new ConditionStore(null, "", ScalarType.Float32);
        ModelIdentity identity = GeneratorIdentity.ForEncoding(model);
        string fingerprint = FileHash.Of(System.Text.Encoding.UTF8.GetBytes(string.Join('\n',
            [.. identity.Settings.Select(s => $"{s.Key} {s.Value}"), .. identity.Files.Select(f => $"{f.File} {f.Sha256}"), $"{options.DType}"])));
        // Sixteen digits name it, and each shard has them all.
        string folder = Path.Combine(Path.GetFullPath(options.Folder), fingerprint[..16]);
        Directory.CreateDirectory(folder);
        var store = new ConditionStore(folder, fingerprint, options.DType);
        try
        {
            store.Refresh();
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Whether something is there.</summary>
    public bool Contains(string kind, UInt128 content) => _rows.ContainsKey((kind, content));

    /// <summary>How many of a kind there are.</summary>
    public int Count(string kind) => _rows.Keys.Count(r => r.Kind == kind);

    /// <summary>Adds what was encoded.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="contents">Of which images or prompts, N of them.</param>
    /// <param name="tensors">A row each, <c>(N,...)</c>; they stay the caller's.</param>
    /// <param name="isExact">Which of them keep their type, by name; null: none but whole numbers.</param>
    /// <exception cref="IOException">A shard cannot be written.</exception>
    public void Add(string kind, UInt128[] contents, IEnumerable<KeyValuePair<string, Tensor>> tensors, Func<string, bool>? isExact = null)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        // Rounded now and not when it is written, so that a number does not depend on when that is.
        var shard = new ConditionShard(contents, tensors.ToDictionary(
            t => t.Key, t => (isExact?.Invoke(t.Key) == true ? t.Value : Rounded(t.Value)).cpu().contiguous().alias().DetachFromDisposeScope()));
        Take(kind, shard);
        if (_folder is null)
            return;
        _unwritten.Add((kind, shard));
        if (_unwritten.Sum(u => u.Shard.Bytes) >= ShardBytes || _clock.Elapsed >= ShardTime)
            Flush();
    }

    /// <summary>Writes what is not yet on the disk, and lets go of the claims.</summary>
    /// <exception cref="IOException">A shard cannot be written; nothing that was there is lost.</exception>
    public void Flush()
    {
        if (_folder is null)
            return;
        while (_unwritten.Count > 0)
        {
            (string kind, ConditionShard first) = _unwritten[0];
            ConditionShard[] together = [.. _unwritten.Where(u => u.Kind == kind && first.Fits(u.Shard)).Select(u => u.Shard)];
            string name = $"{kind}.{Guid.NewGuid():N}{ConditionShard.Extension}", unfinished = Path.Combine(WorkFolder!, name);
            ConditionShard.Write(unfinished, together, kind, _model);
            File.Move(unfinished, Path.Combine(_folder, name));
            _unwritten.RemoveAll(u => together.Contains(u.Shard));
            // From now on the rows lie in the file.
            foreach (ConditionShard shard in together)
            {
                _shards.Remove(shard);
                foreach (UInt128 content in shard.Contents.Where(c => _rows[(kind, c)].Shard == shard))
                    _rows.Remove((kind, content));
                shard.Dispose();
            }
            Load(name);
        }
        foreach (FolderLock claim in _claims)
            claim.Dispose();
        _claims.Clear();
        _clock.Restart();
    }

    /// <summary>Says that this process encodes something, so that others do not.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="contents">Of which images or prompts.</param>
    /// <returns>False where another process does.</returns>
    public bool TryClaim(string kind, IReadOnlyList<UInt128> contents)
    {
        if (_folder is null)
            return true;
        if (FolderLock.TryTake(Path.Combine(_folder, Claims), $"{kind}.{contents[0]:x32}.lock") is not { } claim)
            return false;
        // Kept until it is on the disk.
        _claims.Add(claim);
        return true;
    }

    /// <summary>Takes in what other processes have written since.</summary>
    /// <exception cref="Weights.WeightsFormatException">A shard is damaged.</exception>
    public void Refresh()
    {
        if (_folder is null)
            return;
        // In an order of their own, so that the same one of two that have a row gives it.
        foreach (string path in FolderFiles.Files(_folder).Where(f => f.EndsWith(ConditionShard.Extension, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal))
        {
            if (!_files.Contains(Path.GetFileName(path)))
                Load(Path.GetFileName(path));
        }
    }

    /// <summary>Rows of what is there.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="contents">Of which images or prompts, B of them, with repetitions.</param>
    /// <returns>By name, <c>(B,...)</c> on the CPU, real numbers in float32, in the current dispose scope.</returns>
    public Dictionary<string, Tensor> Read(string kind, IReadOnlyList<UInt128> contents)
    {
        (ConditionShard Shard, int Row)[] rows = [.. contents.Select(c => _rows[(kind, c)])];
        return rows[0].Shard.Tensors.Keys.ToDictionary(
            name => name, name => Exact(cat([.. rows.Select(r => r.Shard.Tensors[name].narrow(0, r.Row, 1))])));
    }

    // Whole numbers stay what they are.
    private Tensor Rounded(Tensor tensor) => tensor.is_floating_point() ? tensor.to(_dtype) : tensor;

    private static Tensor Exact(Tensor tensor) => tensor.is_floating_point() ? tensor.to(ScalarType.Float32) : tensor;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ConditionShard shard in _shards)
            shard.Dispose();
        foreach (FolderLock claim in _claims)
            claim.Dispose();
        if (_lock is null)
            return;
        _lock.Dispose();
        Remove(WorkFolder!);
    }

    private static (string Folder, FolderLock Lock) CreateWorkFolder(string parent)
    {
        // What killed processes left.
        foreach (string other in FolderFiles.Folders(parent))
        {
            using FolderLock? dead = TryLock(other);
            if (dead is not null)
                Remove(other);
        }
        for (; ; )
        {
            string own = Directory.CreateDirectory(Path.Combine(parent, $"{Guid.NewGuid():N}")).FullName;
            // Another process may have taken it for a dead one's before it was locked.
            if (TryLock(own) is { } taken)
                return (own, taken);
        }

        static FolderLock? TryLock(string folder)
        {
            try
            {
                return FolderLock.TryTake(folder);
            }
            catch (DirectoryNotFoundException)
            {
                return null;
            }
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Another process has removed it.
        }
    }

    private void Load(string file)
    {
        (string kind, ConditionShard shard) = ConditionShard.Open(Path.Combine(_folder!, file), _model);
        _files.Add(file);
        Take(kind, shard);
    }

    private void Take(string kind, ConditionShard shard)
    {
        _shards.Add(shard);
        for (int row = 0; row < shard.Contents.Length; row++)
            _rows.TryAdd((kind, shard.Contents[row]), (shard, row));
    }
}
