using System.Globalization;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>The tensors and plain values of a checkpoint under flat names: <c>state_dict.conv.weight</c>.</summary>
internal sealed class CheckpointContent
{
    // Deeper nestings, longer names and repeated visits of one dictionary are not what checkpoints look like.
    private const int MaxDepth = 32, MaxNameLength = 1000;

    private readonly string _path;
    private int _visitsLeft;

    /// <summary>Flattens what a checkpoint's pickle gave.</summary>
    /// <exception cref="WeightsFormatException">Two tensors have one name, or the nesting goes too far.</exception>
    public CheckpointContent(object? root, string path, int maxVisits)
    {
        _path = path;
        _visitsLeft = maxVisits;
        Visit(root, "", 0);
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
        switch (value)
        {
            case TorchTensorView view:
                if (!Tensors.TryAdd(name, view))
                    throw new WeightsFormatException(_path, name, "two tensors have this name.");
                break;
            case PickleDictionary dictionary:
                foreach ((object key, object? item) in dictionary.Items)
                    Visit(item, Join(name, Convert.ToString(key, CultureInfo.InvariantCulture)!), depth + 1);
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

    private static string Join(string prefix, string name) => prefix.Length == 0 ? name : $"{prefix}.{name}";
}
