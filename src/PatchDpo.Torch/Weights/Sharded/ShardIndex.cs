using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;

namespace PatchDpo.Torch.Weights.Sharded;

/// <summary>Reads and checks the index of sharded weights: <c>{"metadata": {"total_size": n}, "weight_map": {key: file}}</c>.</summary>
/// <remarks>
/// Format: transformers' modeling_utils.py and diffusers' model_loading_utils.py. Fields beside these two mean nothing there and are passed over
/// here.
/// </remarks>
internal sealed class ShardIndex
{
    // The map is two levels deep; metadata are free-form, but not that much.
    private const int MaxDepth = 16;

    // What file systems allow.
    private const int MaxNameLength = 255;

    private readonly string _path;
    private Dictionary<string, string>? _files;

    private ShardIndex(string path) => _path = path;

    /// <summary>The metadata; values other than strings as their JSON text.</summary>
    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>The shard's file name of each key; every name is that of a file beside the index.</summary>
    public IReadOnlyDictionary<string, string> Files => _files!;

    /// <summary>Reads an index.</summary>
    /// <exception cref="WeightsFormatException">The index breaks its format or a limit, or names a shard outside its own folder.</exception>
    public static ShardIndex Read(string path, ShardedTensorOptions options)
    {
        byte[] json = ReadBytes(path, options.MaxIndexBytes);
        if (!Utf8.IsValid(json))
            throw new WeightsFormatException(path, null, "the index is not valid UTF-8.");
        ShardIndex index = new(path);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
            index.ReadRoot(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new WeightsFormatException(path, null, $"the index is not valid JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            throw new WeightsFormatException(path, null, "a string in the index has an escape that is no character.", e);
        }
        return index;
    }

    private static byte[] ReadBytes(string path, int maxBytes)
    {
        using SafeFileHandle file = WeightsPath.OpenHandle(path);
        long length = RandomAccess.GetLength(file);
        if (length > maxBytes)
            throw new WeightsFormatException(path, null, $"the index has {length} bytes; the limit is {maxBytes}.");
        byte[] bytes = new byte[length];
        return TensorBytes.TryRead(file, 0, bytes) ? bytes : throw new WeightsFormatException(path, null, "the index was cut short while it was read.");
    }

    private void ReadRoot(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new WeightsFormatException(_path, null, $"the index is not a JSON object but {root.ValueKind}.");
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (!seen.Add(property.Name))
                throw new WeightsFormatException(_path, property.Name, "the field appears twice in the index.");
            if (property.Name == "metadata")
                ReadMetadata(property.Value);
            else if (property.Name == "weight_map")
                ReadMap(property.Value);
        }
        if (_files is null)
            throw new WeightsFormatException(
                _path, "weight_map", "the index lacks this field: it is JSON of another kind, such as a configuration, which is no weight file.");
    }

    private void ReadMetadata(JsonElement metadata)
    {
        if (metadata.ValueKind == JsonValueKind.Null)
            return;
        if (metadata.ValueKind != JsonValueKind.Object)
            throw new WeightsFormatException(_path, "metadata", "the metadata is not a JSON object.");
        foreach (JsonProperty property in metadata.EnumerateObject())
        {
            string value = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : property.Value.GetRawText();
            if (!Metadata.TryAdd(property.Name, value))
                throw new WeightsFormatException(_path, "metadata", $"{KeyText.Quote(property.Name)} appears twice in the metadata.");
        }
    }

    private void ReadMap(JsonElement map)
    {
        if (map.ValueKind != JsonValueKind.Object)
            throw new WeightsFormatException(_path, "weight_map", "the map of keys to files is not a JSON object.");
        _files = new(StringComparer.Ordinal);
        foreach (JsonProperty property in map.EnumerateObject())
        {
            string key = property.Name;
            if (property.Value.ValueKind != JsonValueKind.String)
                throw new WeightsFormatException(_path, key, "the file of this key is not a string.");
            string file = property.Value.GetString()!;
            if (!IsPlainFileName(file))
                throw new WeightsFormatException(_path, key, $"the shard {KeyText.Quote(file)} is not the name of a file in the index's own folder.");
            if (!_files.TryAdd(key, file))
                throw new WeightsFormatException(
                    _path, key, $"the key appears twice in the index, in {KeyText.Quote(_files[key])} and in {KeyText.Quote(file)}.");
        }
    }

    // Separators of every system are refused on every system, and ':' for Windows' drives and streams.
    private static bool IsPlainFileName(string name) =>
        name.Length is > 0 and <= MaxNameLength && name is not ("." or "..") && name.AsSpan().IndexOfAny('/', '\\', ':') < 0 && !name.Any(char.IsControl);
}
