namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A Python dict in its order; keys are strings, integers, booleans or floats, or something that is only mentioned, which no string equals.</summary>
/// <param name="isOrderedDict">Whether it is a <c>collections.OrderedDict</c>, which may carry the attribute <c>_metadata</c>.</param>
internal sealed class PickleDictionary(bool isOrderedDict = false)
{
    // Made with the first entry: an empty dictionary is one byte of a pickle.
    private OrderedDictionary<object, object?>? _items;

    public bool IsOrderedDict => isOrderedDict;

    public IEnumerable<KeyValuePair<object, object?>> Items => _items ?? [];

    public void Set(PickleReader reader, object? key, object? value)
    {
        if (key is not (string or long or bool or double or PickleGlobal { Call: null }))
            throw reader.Fail($"a dictionary has a key that is {PickleReader.Describe(key)}.");
        _items ??= new(PickleKeyComparer.Instance);
        _items[key] = value;
    }

    public object? Get(string key) => _items?.GetValueOrDefault(key);
}
