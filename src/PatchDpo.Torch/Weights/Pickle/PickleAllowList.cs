using System.Buffers.Binary;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>All that a pickle may name. Each name stands for a few lines here; none of it looks anything up or runs foreign code.</summary>
internal static class PickleAllowList
{
    // A pair becomes an entry of some 130 bytes; in a pickle it has at least five.
    private const int PartsOfPair = 16;

    private static readonly Dictionary<string, ScalarType> StorageTypes = new()
    {
        ["torch.DoubleStorage"] = ScalarType.Float64,
        ["torch.FloatStorage"] = ScalarType.Float32,
        ["torch.HalfStorage"] = ScalarType.Float16,
        ["torch.BFloat16Storage"] = ScalarType.BFloat16,
        ["torch.LongStorage"] = ScalarType.Int64,
        ["torch.IntStorage"] = ScalarType.Int32,
        ["torch.ShortStorage"] = ScalarType.Int16,
        ["torch.CharStorage"] = ScalarType.Int8,
        ["torch.ByteStorage"] = ScalarType.Byte,
        ["torch.BoolStorage"] = ScalarType.Bool,
    };

    private static readonly Dictionary<string, PickleGlobal> Globals = Build();

    /// <summary>The entry of a name, or null.</summary>
    public static PickleGlobal? Find(string name) => Globals.GetValueOrDefault(name);

    /// <summary>The dtype of a storage class, or null where the value is none.</summary>
    public static ScalarType? StorageType(object? value) =>
        value is PickleGlobal global && StorageTypes.TryGetValue(global.Name, out ScalarType type) ? type : null;

    /// <summary>The name, in the module torch, of the storage class that holds a dtype.</summary>
    /// <exception cref="ArgumentException">There is none on the list.</exception>
    public static string StorageClass(ScalarType type) =>
        StorageTypes.FirstOrDefault(s => s.Value == type).Key?["torch.".Length..]
            ?? throw new ArgumentException($"A PyTorch checkpoint cannot hold {type} tensors here.", nameof(type));

    private static Dictionary<string, PickleGlobal> Build()
    {
        Dictionary<string, PickleGlobal> globals = [];
        void Add(string name, Func<PickleReader, object?[], object?>? call = null) => globals.Add(name, new PickleGlobal(name, call));
        foreach (string storage in StorageTypes.Keys)
            Add(storage);
        foreach (string dtype in new[] { "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool" })
            Add($"torch.{dtype}");
        Add("torch._utils._rebuild_tensor", TorchTensorView.Create);
        Add("torch._utils._rebuild_tensor_v2", TorchTensorView.Create);
        Add("torch._utils._rebuild_parameter", (reader, args) => args is [TorchTensorView view, ..] ? view
            : throw reader.Fail("a parameter is built from something else than a tensor."));
        Add("torch.Size", (reader, args) => args is [object?[] sizes] ? sizes : throw reader.Fail("a torch.Size is built from something else than a tuple."));
        Add("torch.device", (reader, args) => args is [string, ..] ? args[0] : throw reader.Fail("a torch.device is built from something else than a name."));
        Add("collections.OrderedDict", OrderedDict);
        // The options of a training script; the class is never called.
        globals.Add("argparse.Namespace", new PickleGlobal("argparse.Namespace", Call: null, IsMadeEmpty: true));
        // A key of PyTorch Lightning's dictionary of callbacks, in the published checkpoints of Stable Diffusion.
        Add("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint");
        Add("numpy.ndarray");
        Add("numpy.dtype", NumpyDType.Create);
        // numpy 2 renamed its package.
        foreach (string package in new[] { "numpy.core.multiarray", "numpy._core.multiarray" })
        {
            Add($"{package}._reconstruct", (reader, args) => args is [PickleGlobal { Name: "numpy.ndarray" }, ..] ? new NumpyArray()
                : throw reader.Fail("a numpy array is of another class than ndarray."));
            Add($"{package}.scalar", NumpyScalar);
        }
        // Protocol 2 writes bytes this way under Python 3.
        Add("_codecs.encode", (reader, args) => args is [string text, "latin1" or "latin-1"]
            ? reader.Bytes(text, "the text of _codecs.encode")
            : throw reader.Fail("_codecs.encode is used for something else than bytes."));
        return globals;
    }

    private static PickleDictionary OrderedDict(PickleReader reader, object?[] args)
    {
        PickleDictionary dictionary = new(isOrderedDict: true);
        if (args is [List<object?> pairs])
        {
            reader.Charge(pairs.Count * PartsOfPair);
            foreach (object? pair in pairs)
            {
                (object? key, object? value) = pair switch
                {
                    object?[] { Length: 2 } tuple => (tuple[0], tuple[1]),
                    List<object?> { Count: 2 } list => (list[0], list[1]),
                    _ => throw reader.Fail("an OrderedDict is built from something else than pairs."),
                };
                dictionary.Set(reader, key, value);
            }
        }
        else if (args.Length != 0)
        {
            throw reader.Fail("an OrderedDict is built from something else than pairs.");
        }
        return dictionary;
    }

    private static object NumpyScalar(PickleReader reader, object?[] args)
    {
        if (args is not [NumpyDType dtype, { } value])
            throw reader.Fail("a numpy scalar is built from something else than a dtype and bytes.");
        byte[] bytes = reader.Bytes(value, "a numpy scalar");
        if (bytes.Length != dtype.Size)
            throw reader.Fail($"a numpy scalar has {bytes.Length} bytes instead of {dtype.Size}.");
        return dtype.Type switch
        {
            ScalarType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            ScalarType.Float32 => (double)BinaryPrimitives.ReadSingleLittleEndian(bytes),
            ScalarType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
            ScalarType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            ScalarType.Int32 => (long)BinaryPrimitives.ReadInt32LittleEndian(bytes),
            ScalarType.Int16 => (long)BinaryPrimitives.ReadInt16LittleEndian(bytes),
            ScalarType.Int8 => (long)(sbyte)bytes[0],
            ScalarType.Byte => (long)bytes[0],
            _ => bytes[0] != 0,
        };
    }
}
