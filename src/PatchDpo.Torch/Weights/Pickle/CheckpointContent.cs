using System.Globalization;
using PatchDpo.Torch.Weights.Safetensors;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>The tensors and plain values of a checkpoint under flat names: <c>state_dict.conv.weight</c>.</summary>
internal sealed class CheckpointContent
{
    // Deeper nestings and longer names are not what checkpoints look like.
    private const int MaxDepth = 32, MaxNameLength = 1000;

    // Each operation of a pickle adds at most one value; a dictionary may stand in a few places.
    private const int MaxVisitRatio = 4, FreeVisits = 1000;

    // A name takes its dictionaries' keys along: an optimizer's list of parameter numbers has some 40 characters for each operation.
    private const int MaxNameRatio = 100, FreeNameCharacters = 100_000;

    private readonly string _path;
    private readonly HashSet<TorchStorage> _storages = [];
    private long _visitsLeft;
    private long _nameCharactersLeft;

    /// <summary>Flattens what a checkpoint's pickle gave.</summary>
    /// <param name="root">The pickle's value.</param>
    /// <param name="operations">Number of the pickle's operations.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="options">Limits.</param>
    /// <exception cref="WeightsFormatException">Two tensors have one name, the nesting goes too far, or parts are repeated too often.</exception>
    public CheckpointContent(object? root, int operations, string path, TorchCheckpointOptions options)
    {
        _path = path;
        _visitsLeft = ((long)operations * MaxVisitRatio) + FreeVisits;
        _nameCharactersLeft = Math.Min(options.MaxPickleBytes, ((long)operations * MaxNameRatio) + FreeNameCharacters);
        Visit(root, "", 0);
        CheckSharing(options.MaxSharing);
    }

    /// <summary>The tensors.</summary>
    public OrderedDictionary<string, TorchTensorView> Tensors { get; } = [];

    /// <summary>Numbers (long, double), booleans and strings.</summary>
    public Dictionary<string, object> Values { get; } = [];

    private void Visit(object? value, string name, int depth)
    {
        if (depth > MaxDepth)
            throw new WeightsFormatException(_path, name, $"values are nested more than {MaxDepth} deep.");
        if (_visitsLeft-- <= 0)
            throw new WeightsFormatException(_path, name, "the checkpoint's lists and dictionaries refer to each other too often.");
        if (name.Length > MaxNameLength)
            throw new WeightsFormatException(_path, name, $"a name is longer than {MaxNameLength} characters.");
        _nameCharactersLeft -= name.Length;
        if (_nameCharactersLeft < 0)
            throw new WeightsFormatException(_path, name, "the names together are too long for a pickle of so many operations.");
        switch (value)
        {
            case TorchTensorView view:
                if (!Tensors.TryAdd(name, view))
                    throw new WeightsFormatException(_path, name, "two tensors have this name.");
                _storages.Add(view.Storage);
                break;
            case PickleDictionary dictionary:
                foreach ((object key, object? item) in dictionary.Items)
                    Visit(item, Join(name, key is PickleGlobal mentioned ? mentioned.Name : Convert.ToString(key, CultureInfo.InvariantCulture)!), depth + 1);
                break;
            case IReadOnlyList<object?> list:
                for (int i = 0; i < list.Count; i++)
                    Visit(list[i], Join(name, i.ToString(CultureInfo.InvariantCulture)), depth + 1);
                break;
            case long or double or bool or string:
                Values.TryAdd(name, value);
                break;
            default:
                // None, byte strings, numpy arrays and dtypes are no part of a state dict.
                break;
        }
    }

    // Read one by one, tensors that share a storage (tied weights) get memory of their own each.
    private void CheckSharing(int maxSharing)
    {
        Int128 stored = 0, shown = 0;
        foreach (TorchStorage storage in _storages)
            stored += storage.Bytes;
        foreach (TorchTensorView view in Tensors.Values)
            shown += (Int128)view.Count * SafetensorsDType.Size(view.Storage.DType);
        if (shown > stored * maxSharing)
            throw new WeightsFormatException(
                _path, null, $"its tensors show {shown} bytes of the {stored} that their storages have; the limit is {maxSharing} times.");
    }

    private static string Join(string prefix, string name) => prefix.Length == 0 ? name : $"{prefix}.{name}";
}
