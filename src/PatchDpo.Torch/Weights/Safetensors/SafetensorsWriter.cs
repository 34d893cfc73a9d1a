using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Safetensors;

/// <summary>Writes safetensors files. The same tensors and metadata give the same bytes.</summary>
/// <remarks>
/// Layout as the reference crate's: dtypes from the widest to the narrowest, keys in order within a dtype, the header padded with spaces to a
/// multiple of 8.
/// </remarks>
public static class SafetensorsWriter
{
    private const string MetadataKey = "__metadata__";

    /// <summary>Writes a file atomically: the old file stays whole until the new one is complete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Dense tensors of any device.</param>
    /// <param name="metadata">Free-form strings, or null.</param>
    /// <exception cref="ArgumentException">A dtype that the format does not have, or the key <c>__metadata__</c>.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, tensors, metadata));

    /// <summary>Writes to a stream, from its current position.</summary>
    /// <param name="stream">A writable stream.</param>
    /// <param name="tensors">Dense tensors of any device.</param>
    /// <param name="metadata">Free-form strings, or null.</param>
    /// <exception cref="ArgumentException">A dtype that the format does not have, or the key <c>__metadata__</c>.</exception>
    public static void Write(Stream stream, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.ContainsKey(MetadataKey))
            throw new ArgumentException($"A tensor cannot be named '{MetadataKey}'.", nameof(tensors));
        KeyValuePair<string, Tensor>[] ordered =
            [.. tensors.OrderBy(t => SafetensorsDType.Rank(t.Value.dtype))
                .ThenBy(t => Encoding.UTF8.GetBytes(t.Key), Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))];

        byte[] header = BuildHeader(ordered, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        using IDisposable noGrad = no_grad();
        foreach ((_, Tensor tensor) in ordered)
        {
            using DisposeScope scope = NewDisposeScope();
            TensorBytes.WriteTo(tensor.detach().cpu().contiguous(), stream.Write);
        }
    }

    private static byte[] BuildHeader(IEnumerable<KeyValuePair<string, Tensor>> ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream header = new();
        // Keys stay readable: only what JSON itself demands is escaped.
        using (Utf8JsonWriter json = new(header, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataKey);
                foreach ((string name, string value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
                    json.WriteString(name, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach ((string key, Tensor tensor) in ordered)
            {
                json.WriteStartObject(key);
                json.WriteString("dtype", SafetensorsDType.Name(tensor.dtype));
                WriteIntegers(json, "shape", tensor.shape);
                long end = checked(offset + (tensor.numel() * SafetensorsDType.Size(tensor.dtype)));
                WriteIntegers(json, "data_offsets", [offset, end]);
                json.WriteEndObject();
                offset = end;
            }
            json.WriteEndObject();
        }
        while (header.Length % sizeof(ulong) != 0)
            header.WriteByte((byte)' ');
        return header.ToArray();
    }

    private static void WriteIntegers(Utf8JsonWriter json, string name, ReadOnlySpan<long> values)
    {
        json.WriteStartArray(name);
        foreach (long value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
