using Microsoft.Win32.SafeHandles;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Onnx;

/// <summary>Reads the graph of an ONNX file: its inputs, nodes, and the places of its initialisers' values.</summary>
/// <remarks>
/// Format: github.com/onnx/onnx, <c>onnx/onnx.proto</c>; the numbers of fields are its. Nothing is executed, values are not read, and subgraphs, functions
/// and training information are passed over.
/// </remarks>
internal sealed class OnnxReader
{
    // Far beyond the networks of this library, and few enough that a hostile file stays cheap.
    private const int MaxNodes = 1 << 14, MaxTensors = 1 << 14, MaxValues = 1 << 8;

    // libtorch's own limit for many operations.
    private const int MaxRank = 64;

    // TensorProto's data types.
    private static readonly Dictionary<long, (ScalarType Type, string Name)> DTypes = new()
    {
        [1] = (ScalarType.Float32, "FLOAT"),
        [2] = (ScalarType.Byte, "UINT8"),
        [3] = (ScalarType.Int8, "INT8"),
        [5] = (ScalarType.Int16, "INT16"),
        [6] = (ScalarType.Int32, "INT32"),
        [7] = (ScalarType.Int64, "INT64"),
        [10] = (ScalarType.Float16, "FLOAT16"),
        [11] = (ScalarType.Float64, "DOUBLE"),
        [16] = (ScalarType.BFloat16, "BFLOAT16"),
    };

    private readonly ProtobufReader _reader;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    private OnnxReader(ProtobufReader reader) => _reader = reader;

    /// <summary>The graph's inputs by name; old files list initialisers among them.</summary>
    public List<string> Inputs { get; } = [];

    /// <summary>The graph's nodes, in the file's order.</summary>
    public List<OnnxNode> Nodes { get; } = [];

    /// <summary>The graph's initialisers, in the file's order.</summary>
    public List<OnnxTensor> Tensors { get; } = [];

    /// <summary>Reads a file's graph.</summary>
    /// <exception cref="WeightsFormatException">The file breaks the format, passes a limit, or keeps values in a way that is not read.</exception>
    public static OnnxReader Read(SafeFileHandle file, string path)
    {
        var reader = new OnnxReader(new ProtobufReader(file, path));
        reader.ReadModel();
        return reader;
    }

    private void ReadModel()
    {
        bool hasGraph = false;
        while (_reader.Next())
        {
            if (_reader.Field != 7)
            {
                _reader.Skip();
                continue;
            }
            if (hasGraph)
                throw _reader.Fault("the model has two graphs.");
            hasGraph = true;
            InMessage("graph", ReadGraph);
        }
        if (!hasGraph)
        {
            throw _reader.Fault("it begins as an ONNX model and has no graph: it was cut short, or is another protocol buffer (TensorFlow's saved models "
                + "begin alike).");
        }
    }

    private void ReadGraph()
    {
        while (_reader.Next())
        {
            _reader.Key = null;
            switch (_reader.Field)
            {
                case 1:
                    Limit(Nodes.Count, MaxNodes, "nodes");
                    InMessage("node", ReadNode);
                    break;
                case 5:
                    Limit(Tensors.Count, MaxTensors, "initialisers");
                    InMessage("initialiser", ReadTensor);
                    break;
                case 11:
                    Limit(Inputs.Count, MaxTensors, "inputs");
                    InMessage("input", ReadInput);
                    break;
                case 15:
                    throw _reader.Fault("the graph has sparse initialisers, which are not read.");
                default:
                    _reader.Skip();
                    break;
            }
            _reader.Key = null;
        }
    }

    private void ReadInput()
    {
        while (_reader.Next())
            if (_reader.Field == 1)
                Inputs.Add(_reader.Text("name"));
            else
                _reader.Skip();
    }

    private void ReadNode()
    {
        string name = "", operation = "";
        List<string> inputs = [], outputs = [];
        Dictionary<string, IReadOnlyList<long>> integers = [];
        Dictionary<string, float> floats = [];
        while (_reader.Next())
            switch (_reader.Field)
            {
                case 1:
                    Limit(inputs.Count, MaxValues, "inputs");
                    inputs.Add(_reader.Text("input"));
                    break;
                case 2:
                    Limit(outputs.Count, MaxValues, "outputs");
                    outputs.Add(_reader.Text("output"));
                    break;
                case 3:
                    _reader.Key = name = _reader.Text("name");
                    break;
                case 4:
                    operation = _reader.Text("operation");
                    break;
                case 5:
                    Limit(integers.Count + floats.Count, MaxValues, "attributes");
                    InMessage("attribute", () => ReadAttribute(integers, floats));
                    break;
                default:
                    _reader.Skip();
                    break;
            }
        Nodes.Add(new OnnxNode(name, operation, inputs, outputs, integers, floats));
    }

    private void ReadAttribute(Dictionary<string, IReadOnlyList<long>> integers, Dictionary<string, float> floats)
    {
        string name = "";
        List<long> values = [];
        float? number = null;
        while (_reader.Next())
            switch (_reader.Field)
            {
                case 1:
                    name = _reader.Text("attribute's name");
                    break;
                case 2:
                    number = _reader.Float($"attribute '{name}'");
                    break;
                case 3 or 8:
                    _reader.Integers(values, MaxValues, $"attribute '{name}'");
                    break;
                default:
                    _reader.Skip();
                    break;
            }
        if (number is float value)
            floats[name] = value;
        else if (values.Count > 0)
            integers[name] = values;
    }

    private void ReadTensor()
    {
        string name = "";
        List<long> shape = [];
        long type = 0;
        (string Field, long Position, long Length)? values = null;
        // The name comes last: the reader's messages can carry it only if it is looked for first.
        long start = _reader.Position;
        while (_reader.Next())
            if (_reader.Field == 8)
                name = _reader.Text("name");
            else
                _reader.Skip();
        if (name.Length == 0)
            throw _reader.Fault($"the initialiser at byte {start} has no name.");
        _reader.Key = name;
        if (!_names.Add(name))
            throw _reader.Fault("two initialisers have this name.");
        _reader.Rewind(start);
        while (_reader.Next())
            switch (_reader.Field)
            {
                case 1:
                    _reader.Integers(shape, MaxRank, "dimensions");
                    break;
                case 2:
                    type = _reader.Integer("data type");
                    break;
                case 4 when _reader.WireType == ProtobufWireType.Fixed32:
                case 10 when _reader.WireType == ProtobufWireType.Fixed64:
                    throw _reader.Fault("its values are written one by one, not packed, which is not read.");
                case 4:
                    Take("float_data");
                    break;
                case 9:
                    Take("raw_data");
                    break;
                case 10:
                    Take("double_data");
                    break;
                case 5 or 6 or 7 or 11:
                    string field = _reader.Field switch { 5 => "int32_data", 6 => "string_data", 7 => "int64_data", _ => "uint64_data" };
                    throw _reader.Fault($"its values are in the field {field}, which is not read; float_data, double_data and raw_data are.");
                case 3:
                    throw _reader.Fault("it is a segment of a larger tensor, which is not read.");
                case 13:
                    throw External();
                case 14 when _reader.Integer("data location") != 0:
                    throw External();
                case 14:
                    break;
                default:
                    _reader.Skip();
                    break;
            }
        Tensors.Add(Checked(name, type, [.. shape], values));

        void Take(string field)
        {
            if (values is not null)
                throw _reader.Fault("its values stand there twice.");
            (long position, long length) = _reader.Bytes(field);
            values = (field, position, length);
        }

        WeightsFormatException External() => _reader.Fault("its values are in another file (external data), which is not read.");
    }

    private OnnxTensor Checked(string name, long type, long[] shape, (string Field, long Position, long Length)? values)
    {
        if (!DTypes.TryGetValue(type, out (ScalarType Type, string Name) dtype))
            throw _reader.Fault($"its data type is number {type} of ONNX; {string.Join(", ", DTypes.Select(t => $"{t.Value.Name} ({t.Key})"))} are read.");
        if (shape.FirstOrDefault(d => d < 0) is < 0 and long negative)
            throw _reader.Fault($"a dimension is {negative}.");
        long bytes;
        try
        {
            bytes = checked(TensorShape.CountElements(shape) * SafetensorsDType.Size(dtype.Type));
        }
        catch (OverflowException e)
        {
            throw new WeightsFormatException(_reader.Path, name, $"the shape [{string.Join(",", shape)}] overflows.", e);
        }
        string? packed = values?.Field switch { "float_data" => "FLOAT", "double_data" => "DOUBLE", _ => null };
        if (packed is not null && packed != dtype.Name)
            throw _reader.Fault($"its data type is {dtype.Name}, but its values are in {values!.Value.Field}.");
        long found = values?.Length ?? 0;
        return found == bytes ? new OnnxTensor(name, dtype.Type, shape, values?.Position ?? 0)
            : throw _reader.Fault($"the shape [{string.Join(",", shape)}] of {dtype.Name} needs {bytes} bytes, but its values have {found}.");
    }

    private void InMessage(string what, Action read)
    {
        long outer = _reader.Enter(what);
        read();
        _reader.Leave(outer);
    }

    private void Limit(int count, int most, string what)
    {
        if (count == most)
            throw _reader.Fault($"there are more than {most} {what}.");
    }
}
