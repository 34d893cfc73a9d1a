using System.Text.Json;
using System.Text.Unicode;
using TorchSharp;

namespace PatchDpo.Torch.Weights.Safetensors;

/// <summary>Reads and checks the JSON header of a safetensors file.</summary>
/// <remarks>Format: github.com/huggingface/safetensors, README "Format"; every rule there is checked before any tensor is read.</remarks>
internal sealed class SafetensorsHeader
{
    private const string MetadataKey = "__metadata__";

    // A tensor's entry is three levels deep; what is deeper is not this format.
    private const int MaxDepth = 8;

    // libtorch's own limit for many operations; keeps a hostile shape from growing without bound.
    private const int MaxRank = 64;

    private readonly string _path;
    private readonly long _dataLength;

    private SafetensorsHeader(string path, long dataLength)
    {
        _path = path;
        _dataLength = dataLength;
    }

    /// <summary>The tensors, in the file's order.</summary>
    public List<SafetensorsEntry> Entries { get; } = [];

    /// <summary>The free-form metadata.</summary>
    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Parses and checks a header.</summary>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataLength">Number of bytes after the header.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="WeightsFormatException">Any rule of the format is broken.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataLength, string path)
    {
        SafetensorsHeader header = new(path, dataLength);
        if (json.IsEmpty || json[0] != (byte)'{')
            throw new WeightsFormatException(path, null, "the safetensors header does not begin with '{'.");
        if (!Utf8.IsValid(json))
            throw new WeightsFormatException(path, null, "the safetensors header is not valid UTF-8.");
        try
        {
            header.ReadRoot(json);
        }
        catch (JsonException e)
        {
            throw new WeightsFormatException(path, null, $"the safetensors header is not valid JSON: {e.Message}", e);
        }
        header.CheckLayout();
        return header;
    }

    private void ReadRoot(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        HashSet<string> seen = new(StringComparer.Ordinal);
        reader.Read();
        while (ReadProperty(ref reader, null) is { } key)
        {
            if (!seen.Add(key))
                throw new WeightsFormatException(_path, key, "the key appears twice in the header.");
            reader.Read();
            if (key == MetadataKey)
                ReadMetadata(ref reader);
            else
                Entries.Add(ReadEntry(ref reader, key));
        }
        // Only white space may follow the root object; anything else throws here.
        reader.Read();
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new WeightsFormatException(_path, MetadataKey, "the metadata is not a JSON object.");
        while (ReadProperty(ref reader, MetadataKey) is { } name)
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw new WeightsFormatException(_path, MetadataKey, $"the value of {KeyText.Quote(name)} is not a string.");
            if (!Metadata.TryAdd(name, Text(ref reader, MetadataKey)))
                throw new WeightsFormatException(_path, MetadataKey, $"{KeyText.Quote(name)} appears twice in the metadata.");
        }
    }

    private SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string key)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new WeightsFormatException(_path, key, "the header's entry is not a JSON object.");
        torch.ScalarType? dtype = null;
        long[]? shape = null, offsets = null;
        while (ReadProperty(ref reader, key) is { } field)
        {
            reader.Read();
            switch (field)
            {
                case "dtype" when dtype is null:
                    dtype = ReadDType(ref reader, key);
                    break;
                case "shape" when shape is null:
                    shape = ReadIntegers(ref reader, key, field, MaxRank);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadIntegers(ref reader, key, field, 2);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw new WeightsFormatException(_path, key, $"'{field}' appears twice.");
                default:
                    throw new WeightsFormatException(_path, key, $"the field {KeyText.Quote(field)} is not part of the format.");
            }
        }
        if (dtype is null || shape is null || offsets is null)
            throw new WeightsFormatException(_path, key, $"'{(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")}' is missing.");
        if (offsets.Length != 2)
            throw new WeightsFormatException(_path, key, "'data_offsets' is not a pair.");
        SafetensorsEntry entry = new(key, dtype.Value, shape, offsets[0], offsets[1]);
        CheckEntry(entry);
        return entry;
    }

    private torch.ScalarType ReadDType(ref Utf8JsonReader reader, string key)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new WeightsFormatException(_path, key, "'dtype' is not a string.");
        string name = Text(ref reader, key);
        if (SafetensorsDType.TryParse(name, out torch.ScalarType dtype))
            return dtype;
        throw new WeightsFormatException(_path, key, SafetensorsDType.IsKnownButUnsupported(name)
            ? $"tensors of dtype {name} are not supported."
            : $"the dtype {KeyText.Quote(name)} is unknown.");
    }

    private long[] ReadIntegers(ref Utf8JsonReader reader, string key, string field, int maxCount)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new WeightsFormatException(_path, key, $"'{field}' is not an array.");
        List<long> values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long value) || value < 0)
                throw new WeightsFormatException(_path, key, $"'{field}' holds something else than an integer from 0 to {long.MaxValue}.");
            if (values.Count == maxCount)
                throw new WeightsFormatException(_path, key, $"'{field}' has more than {maxCount} values.");
            values.Add(value);
        }
        return [.. values];
    }

    /// <summary>The name of the object's next property, or null at the object's end.</summary>
    private string? ReadProperty(ref Utf8JsonReader reader, string? key)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.PropertyName ? Text(ref reader, key) : null;
    }

    private string Text(ref Utf8JsonReader reader, string? key)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new WeightsFormatException(_path, key, "a string in the header has an escape that is no character.", e);
        }
    }

    private void CheckEntry(SafetensorsEntry entry)
    {
        if (entry.Begin > entry.End)
            throw new WeightsFormatException(_path, entry.Key, $"its data begins at {entry.Begin}, after its end at {entry.End}.");
        if (entry.End > _dataLength)
            throw new WeightsFormatException(_path, entry.Key, $"its data ends at {entry.End}, but the file has {_dataLength} bytes of data.");
        long bytes;
        try
        {
            bytes = checked(TensorShape.CountElements(entry.Shape) * SafetensorsDType.Size(entry.DType));
        }
        catch (OverflowException e)
        {
            throw new WeightsFormatException(_path, entry.Key, $"the shape [{string.Join(",", entry.Shape)}] overflows.", e);
        }
        if (bytes != entry.End - entry.Begin)
            throw new WeightsFormatException(_path, entry.Key,
                $"the shape [{string.Join(",", entry.Shape)}] of {SafetensorsDType.Name(entry.DType)} needs {bytes} bytes, but its data has "
                    + $"{entry.End - entry.Begin}.");
    }

    private void CheckLayout()
    {
        long position = 0;
        foreach (SafetensorsEntry entry in Entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin != position)
                throw new WeightsFormatException(_path, entry.Key, entry.Begin < position
                    ? $"its data begins at {entry.Begin}, inside other tensors' data, which end at {position}."
                    : $"its data begins at {entry.Begin}, but the tensor before it ends at {position}: the file has a hole.");
            position = entry.End;
        }
        if (position != _dataLength)
            throw new WeightsFormatException(_path, null, $"the tensors' data ends at {position}, but the file has {_dataLength} bytes of data.");
    }
}
