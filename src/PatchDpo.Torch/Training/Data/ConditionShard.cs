using System.Runtime.InteropServices;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>Conditions of one kind that were encoded together: a row each, in memory or in a mapped file.</summary>
/// <param name="Contents">Whose rows they are.</param>
/// <param name="Tensors">By name, <c>(N,...)</c>; the shard's.</param>
internal sealed record ConditionShard(UInt128[] Contents, IReadOnlyDictionary<string, Tensor> Tensors) : IDisposable
{
    /// <summary>The end of a shard's name.</summary>
    public const string Extension = ".safetensors";

    private const string ContentKey = "content", KindField = "kind", ModelField = "model", FormatField = "format", Format = "1";

    /// <summary>Bytes of the tensors.</summary>
    public long Bytes => Tensors.Values.Sum(t => t.numel() * t.ElementSize);

    /// <summary>Whether rows of another shard can stand below this one's.</summary>
    public bool Fits(ConditionShard other) => Tensors.All(t => other.Tensors[t.Key].shape.AsSpan(1).SequenceEqual(t.Value.shape.AsSpan(1)));

    /// <summary>Writes shards that fit each other as one file.</summary>
    /// <param name="path">A file that no one else looks at yet.</param>
    /// <param name="shards">At least one.</param>
    /// <param name="kind">What they hold.</param>
    /// <param name="model">Fingerprint of the model that encoded them.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<ConditionShard> shards, string kind, string model)
    {
        using DisposeScope scope = NewDisposeScope();
        byte[] contents = MemoryMarshal.AsBytes<UInt128>(shards.SelectMany(s => s.Contents).ToArray()).ToArray();
        Dictionary<string, Tensor> tensors = shards[0].Tensors.Keys.ToDictionary(name => name, name => cat([.. shards.Select(s => s.Tensors[name])]));
        tensors.Add(ContentKey, tensor(contents, [contents.Length / ContentBytes, ContentBytes]));
        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { [FormatField] = Format, [KindField] = kind, [ModelField] = model });
    }

    /// <summary>Opens a file, whose rows stay in it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">Fingerprint of the model that has to have encoded it.</param>
    /// <returns>The shard, outside of dispose scopes, and its kind.</returns>
    /// <exception cref="WeightsFormatException">It is no shard, a damaged one, or one of another model.</exception>
    public static (string Kind, ConditionShard Shard) Open(string path, string model)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(path, new SafetensorsOptions { MemoryMap = true });
        string? Field(string name) => file.Metadata.GetValueOrDefault(name);
        if (Field(FormatField) != Format || Field(KindField) is not string kind || !file.Contains(ContentKey))
            throw new WeightsFormatException(path, null, "this is no shard of a condition store; move it elsewhere.");
        if (Field(ModelField) != model)
            throw new WeightsFormatException(path, null, "another model encoded this shard than its folder says; move it elsewhere.");
        long[] shape = file.Shape(ContentKey);
        if (shape is not [_, ContentBytes] || file.DType(ContentKey) != ScalarType.Byte)
            throw new WeightsFormatException(path, ContentKey, $"it has {ContentBytes} bytes for each row.");
        UInt128[] contents = MemoryMarshal.Cast<byte, UInt128>(file.Read(ContentKey).data<byte>().ToArray()).ToArray();
        Dictionary<string, Tensor> tensors = [];
        foreach (string name in file.Keys.Where(k => k != ContentKey))
        {
            if (file.Shape(name) is not [long rows, ..] || rows != contents.Length)
                throw new WeightsFormatException(path, name, $"it has not the {contents.Length} rows that the shard is of.");
            tensors.Add(name, file.Read(name));
        }
        foreach (Tensor kept in tensors.Values)
            kept.DetachFromDisposeScope();
        return (kind, new ConditionShard(contents, tensors));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in Tensors.Values)
            tensor.Dispose();
    }

    private const int ContentBytes = 16;
}
