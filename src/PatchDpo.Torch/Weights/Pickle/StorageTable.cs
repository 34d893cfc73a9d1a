namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>The storages that a checkpoint's pickle names by persistent ids.</summary>
internal sealed class StorageTable
{
    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);

    /// <summary>The storages by key.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => _storages;

    /// <summary>Resolves a persistent id: <c>('storage', storage class, key, location, element count[, None])</c>.</summary>
    public object? Resolve(PickleReader reader, object? id)
    {
        if (id is not object?[] { Length: 5 or 6 } parts || parts[0] is not "storage" || PickleAllowList.StorageType(parts[1]) is not { } type
            || parts[2] is not string key || parts[4] is not long count)
            throw reader.Fail("a persistent id is not that of a storage of a known class.");
        if (parts is [.., _, not null] and { Length: 6 })
            throw reader.Fail($"storage {KeyText.Quote(key)} is a view of another storage, which is not supported.");
        // The key names an entry of the archive; PyTorch's keys are numbers.
        if (key.Length is 0 or > 100 || !key.All(char.IsAsciiLetterOrDigit))
            throw reader.Fail($"the storage key {KeyText.Quote(key)} is not made of letters and digits.");
        if (count < 0)
            throw reader.Fail($"storage {KeyText.Quote(key)} has {count} elements.");
        if (!_storages.TryGetValue(key, out TorchStorage? storage))
            _storages.Add(key, storage = new TorchStorage(key, type, count));
        else if (storage.DType != type || storage.Count != count)
            throw reader.Fail($"storage {KeyText.Quote(key)} is named twice with other types or sizes.");
        return storage;
    }
}
