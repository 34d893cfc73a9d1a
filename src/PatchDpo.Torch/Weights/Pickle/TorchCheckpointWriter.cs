using System.Globalization;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights.Zip;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>
/// Writes checkpoints that PyTorch's torch.load reads (<c>.bin</c>, <c>.pth</c>, <c>.pt</c>). The same tensors in the same order give the same bytes.
/// </summary>
/// <remarks>
/// The zip format since PyTorch 1.6, with the bytes that torch.save of PyTorch 1.13 gives for dictionaries of plain tensors.
/// Keys keep their dictionary's order. Every tensor gets a storage of its own, in C order, on the CPU; none requires gradients.
/// Metadata become entries <c>extra/name</c> of the zip file, which torch.load leaves aside and <see cref="TorchCheckpoint.Metadata"/> gives.
/// Format: torch/serialization.py, <c>_save</c>, and caffe2/serialize/inline_container.cc.
/// </remarks>
public static class TorchCheckpointWriter
{
    private const string Root = "archive/";

    /// <summary>Writes one dictionary of tensors atomically: the old file stays whole until the new one is complete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Dense tensors of any device.</param>
    /// <param name="metadata">Free-form strings, or null.</param>
    /// <exception cref="ArgumentException">A dtype that checkpoints do not have here, or a key or name that is not valid Unicode.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, tensors, metadata));

    /// <summary>Writes a dictionary of dictionaries of tensors atomically, such as <c>{"image_proj": {…}, "ip_adapter": {…}}</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="groups">Dense tensors of any device.</param>
    /// <param name="metadata">Free-form strings, or null.</param>
    /// <exception cref="ArgumentException">A dtype that checkpoints do not have here, or a key or name that is not valid Unicode.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, IReadOnlyDictionary<string, Tensor>> groups,
        IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream => Write(stream, groups, metadata));

    /// <summary>The same with one parameter (torch.nn.Parameter, without gradient) behind the dictionaries.</summary>
    internal static void Write(
        string path, IReadOnlyDictionary<string, IReadOnlyDictionary<string, Tensor>> groups, (string Key, Tensor Value) parameter,
        IReadOnlyDictionary<string, string>? metadata = null)
        => AtomicFile.Write(path, stream => Write(stream, metadata, (pickle, writeTensor) => pickle.Dictionary<string>(
            [.. groups.Keys.Append(parameter.Key).Select(key => KeyValuePair.Create(key, key))], key =>
            {
                if (groups.TryGetValue(key, out IReadOnlyDictionary<string, Tensor>? group))
                    pickle.Dictionary(group, writeTensor);
                else
                    WriteParameter(pickle, () => writeTensor(parameter.Value));
            })));

    /// <summary>Writes one dictionary of tensors to a stream, from its current position.</summary>
    /// <param name="stream">A writable stream.</param>
    /// <param name="tensors">Dense tensors of any device.</param>
    /// <param name="metadata">Free-form strings, or null.</param>
    /// <exception cref="ArgumentException">A dtype that checkpoints do not have here, or a key or name that is not valid Unicode.</exception>
    public static void Write(Stream stream, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Write(stream, metadata, (pickle, writeTensor) => pickle.Dictionary(tensors, writeTensor));
    }

    /// <summary>Writes a dictionary of dictionaries of tensors to a stream, from its current position.</summary>
    /// <param name="stream">A writable stream.</param>
    /// <param name="groups">Dense tensors of any device.</param>
    /// <param name="metadata">Free-form strings, or null.</param>
    /// <exception cref="ArgumentException">A dtype that checkpoints do not have here, or a key or name that is not valid Unicode.</exception>
    public static void Write(Stream stream, IReadOnlyDictionary<string, IReadOnlyDictionary<string, Tensor>> groups,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(groups);
        Write(stream, metadata, (pickle, writeTensor) => pickle.Dictionary(groups, group => pickle.Dictionary(group, writeTensor)));
    }

    private static void Write(Stream stream, IReadOnlyDictionary<string, string>? metadata, Action<PickleWriter, Action<Tensor>> writeContent)
    {
        ArgumentNullException.ThrowIfNull(stream);
        List<Tensor> storages = [];
        using MemoryStream content = new();
        PickleWriter pickle = new(content, protocol: 2);
        writeContent(pickle, tensor =>
        {
            WriteTensor(pickle, tensor, StorageKey(storages.Count));
            storages.Add(tensor);
        });
        pickle.Stop();

        ZipWriter zip = new(stream);
        zip.Add(Root + "data.pkl", content.ToArray());
        using IDisposable noGrad = no_grad();
        // PyTorch sorts the keys as text: 0, 1, 10, 11, …
        foreach ((string key, Tensor tensor) in storages.Select((tensor, i) => (StorageKey(i), tensor)).OrderBy(s => s.Item1, StringComparer.Ordinal))
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor values = tensor.detach().cpu().contiguous();
            zip.Add($"{Root}data/{key}", checked(values.numel() * values.ElementSize), write => TensorBytes.WriteTo(values, write));
        }
        zip.Add(Root + "version", [(byte)'3', (byte)'\n']);
        foreach ((string name, string value) in (metadata ?? new Dictionary<string, string>()).OrderBy(m => m.Key, StringComparer.Ordinal))
            zip.Add($"{Root}{ZipCheckpoint.ExtraFolder}{name}", ZipWriter.Utf8.GetBytes(value));
        zip.Finish();
    }

    // torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
    private static void WriteTensor(PickleWriter pickle, Tensor tensor, string storageKey)
    {
        long[] shape = tensor.shape;
        pickle.Global("torch._utils", "_rebuild_tensor_v2");
        pickle.Mark();
        pickle.Mark();
        pickle.Text("storage");
        pickle.Global("torch", PickleAllowList.StorageClass(tensor.dtype));
        pickle.Text(storageKey);
        pickle.Text("cpu");
        pickle.Integer(tensor.numel());
        pickle.Tuple(count: 5);
        pickle.PersistentId();
        pickle.Integer(0);
        pickle.Tuple(shape);
        pickle.Tuple(TensorShape.ContiguousStrides(shape));
        pickle.Boolean(false);
        pickle.Global("collections", "OrderedDict");
        pickle.Tuple(count: 0);
        pickle.Reduce();
        pickle.Tuple(count: 6);
        pickle.Reduce();
    }

    // torch._utils._rebuild_parameter(data, requires_grad, backward_hooks)
    private static void WriteParameter(PickleWriter pickle, Action writeTensor)
    {
        pickle.Global("torch._utils", "_rebuild_parameter");
        writeTensor();
        pickle.Boolean(false);
        pickle.Global("collections", "OrderedDict");
        pickle.Tuple(count: 0);
        pickle.Reduce();
        pickle.Tuple(count: 3);
        pickle.Reduce();
    }

    private static string StorageKey(int number) => number.ToString(CultureInfo.InvariantCulture);
}
