using System.Numerics;
using System.Text;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>Reads pickles of protocols 2 to 5 that hold plain data, tensors and numpy arrays.</summary>
/// <remarks>
/// It interprets the opcodes itself: a name that is not on <see cref="PickleAllowList"/> ends the reading, so no code of the
/// file or of a library runs. Python's None, bool, int, float, str, bytes, list, tuple and dict become null, bool, long or
/// BigInteger, double, string, byte[], List, object[] and <see cref="PickleDictionary"/>. Opcodes: CPython's pickletools.py.
/// </remarks>
internal sealed class PickleReader
{
    // libtorch's own limit for many operations, and numpy's.
    private const int MaxRank = 64;

    // What a pickle written by Python hands to calls in all is no longer than the pickle; a few arguments may stand in several.
    private const int MaxArgumentRatio = 4, FreeArguments = 65_536;

    private readonly PickleBytes _bytes;
    private readonly PickleStack _stack;
    private readonly int _maxOperations;
    private readonly Func<PickleReader, object?, object?>? _persistentLoad;
    private long _argumentsLeft;

    /// <summary>Prepares to read one pickle from the stream's position.</summary>
    /// <param name="stream">A seekable stream, buffered.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="maxOperations">The largest number of opcodes.</param>
    /// <param name="persistentLoad">Resolves persistent ids; null where there are none.</param>
    public PickleReader(Stream stream, string path, int maxOperations, Func<PickleReader, object?, object?>? persistentLoad = null)
    {
        _bytes = new PickleBytes(stream, path);
        _stack = new PickleStack(_bytes);
        _maxOperations = maxOperations;
        _persistentLoad = persistentLoad;
        _argumentsLeft = (stream.Length * MaxArgumentRatio) + FreeArguments;
    }

    /// <summary>Number of opcodes that were read.</summary>
    public int Operations { get; private set; }

    /// <summary>Reads to the STOP opcode and leaves the stream behind it.</summary>
    /// <exception cref="WeightsFormatException">The pickle is broken or uses what is not supported.</exception>
    /// <exception cref="UnsafePickleException">It names something that is not on the allow-list.</exception>
    public object? Load()
    {
        while (Operations++ < _maxOperations)
        {
            byte op = _bytes.Byte();
            if (op == (byte)'.')
                return _stack.Pop();
            Execute(op);
        }
        throw Fail($"the pickle has more than {_maxOperations} operations.");
    }

    /// <summary>An exception that names the file and the place.</summary>
    public WeightsFormatException Fail(string problem, Exception? inner = null) => _bytes.Fail(problem, inner);

    /// <summary>Counts the parts of an argument that a call takes apart, so that calls of one long argument again and again come to an end.</summary>
    public void Charge(int parts)
    {
        _argumentsLeft -= parts;
        if (_argumentsLeft < 0)
            throw Fail("its calls take the same arguments apart too often.");
    }

    /// <summary>What a value is, for messages.</summary>
    public static string Describe(object? value) => value switch
    {
        null => "None",
        PickleGlobal global => global.Name,
        string => "a string",
        byte[] => "a byte string",
        bool => "a boolean",
        long or BigInteger => "an integer",
        double => "a float",
        object?[] => "a tuple",
        List<object?> => "a list",
        PickleDictionary => "a dictionary",
        TorchTensorView => "a tensor",
        NumpyArray => "a numpy array",
        PickleNamespace => "an argparse.Namespace",
        _ => $"a {value.GetType().Name}",
    };

    /// <summary>A tuple or list of integers, none of them negative.</summary>
    public long[] Integers(object? value, string what)
    {
        IReadOnlyList<object?> items = value as IReadOnlyList<object?> ?? throw Fail($"{what} is {Describe(value)}.");
        if (items.Count > MaxRank)
            throw Fail($"{what} has {items.Count} values; the limit is {MaxRank}.");
        return [.. items.Select(item => item is long and >= 0 ? (long)item : throw Fail($"{what} holds {(item is long ? item : Describe(item))}."))];
    }

    /// <summary>Bytes, or the string that Python 2 wrote for them.</summary>
    public byte[] Bytes(object? value, string what)
    {
        if (value is byte[] bytes)
            return bytes;
        if (value is not string text)
            throw Fail($"{what} is {Describe(value)}.");
        Charge(text.Length);
        return text.All(c => c < 256) ? Encoding.Latin1.GetBytes(text) : throw Fail($"{what} is a string of other characters than Latin-1's.");
    }

    private void Execute(byte op)
    {
        switch (op)
        {
            case 0x80:
                byte protocol = _bytes.Byte();
                if (protocol is < 2 or > 5)
                    throw Fail($"pickle protocol {protocol} is not supported.");
                break;
            case 0x95:
                _bytes.Length("frame");
                break;
            case (byte)'(':
                _stack.Mark();
                break;
            case (byte)'0':
                _stack.Pop();
                break;
            case (byte)'1':
                _stack.PopMark();
                break;
            case (byte)'2':
                _stack.Push(_stack.Peek());
                break;
            case (byte)'N':
                _stack.Push(null);
                break;
            case 0x88:
                _stack.Push(true);
                break;
            case 0x89:
                _stack.Push(false);
                break;
            case (byte)'J':
                _stack.Push((long)_bytes.Int32());
                break;
            case (byte)'K':
                _stack.Push((long)_bytes.Byte());
                break;
            case (byte)'M':
                _stack.Push((long)_bytes.UInt16());
                break;
            case 0x8a:
                _stack.Push(Integer(_bytes.Take(_bytes.Byte())));
                break;
            case 0x8b:
                _stack.Push(Integer(_bytes.Take(_bytes.Int32())));
                break;
            case (byte)'G':
                _stack.Push(_bytes.Double());
                break;
            case (byte)'X':
                _stack.Push(_bytes.Text(_bytes.UInt32()));
                break;
            case 0x8c:
                _stack.Push(_bytes.Text(_bytes.Byte()));
                break;
            case 0x8d:
                _stack.Push(_bytes.Text(_bytes.Length("string")));
                break;
            case (byte)'T':
                _stack.Push(_bytes.Latin1(_bytes.Int32()));
                break;
            case (byte)'U':
                _stack.Push(_bytes.Latin1(_bytes.Byte()));
                break;
            case (byte)'B':
                _stack.Push(_bytes.Take(_bytes.UInt32()));
                break;
            case (byte)'C':
                _stack.Push(_bytes.Take(_bytes.Byte()));
                break;
            case 0x8e or 0x96:
                _stack.Push(_bytes.Take(_bytes.Length("byte string")));
                break;
            default:
                ExecuteOnStack(op);
                break;
        }
    }

    private void ExecuteOnStack(byte op)
    {
        switch (op)
        {
            case (byte)']':
                _stack.Push(new List<object?>());
                break;
            case (byte)'l':
                _stack.Push(_stack.PopMark());
                break;
            case (byte)'a':
                object? item = _stack.Pop();
                Append([item]);
                break;
            case (byte)'e':
                Append(_stack.PopMark());
                break;
            case (byte)')':
                _stack.Push(Array.Empty<object?>());
                break;
            case (byte)'t':
                _stack.Push(_stack.PopMark().ToArray());
                break;
            case 0x85 or 0x86 or 0x87:
                object?[] tuple = new object?[op - 0x84];
                for (int i = tuple.Length - 1; i >= 0; i--)
                    tuple[i] = _stack.Pop();
                _stack.Push(tuple);
                break;
            case (byte)'}':
                _stack.Push(new PickleDictionary());
                break;
            case (byte)'d':
                List<object?> items = _stack.PopMark();
                _stack.Push(new PickleDictionary());
                SetItems(items);
                break;
            case (byte)'s':
                object? value = _stack.Pop(), key = _stack.Pop();
                SetItems([key, value]);
                break;
            case (byte)'u':
                SetItems(_stack.PopMark());
                break;
            case (byte)'h':
                _stack.Get(_bytes.Byte());
                break;
            case (byte)'j':
                _stack.Get(_bytes.UInt32());
                break;
            case (byte)'q':
                _stack.Put(_bytes.Byte(), Operations);
                break;
            case (byte)'r':
                _stack.Put(_bytes.UInt32(), Operations);
                break;
            case 0x94:
                _stack.Memoize(Operations);
                break;
            default:
                ExecuteOnObjects(op);
                break;
        }
    }

    private void ExecuteOnObjects(byte op)
    {
        switch (op)
        {
            case (byte)'c':
                _stack.Push(Global(_bytes.Line(), _bytes.Line()));
                break;
            case 0x93:
                object? name = _stack.Pop(), module = _stack.Pop();
                if (name is not string || module is not string)
                    throw Fail($"a name is looked up by {Describe(module)} and {Describe(name)} instead of two strings.");
                _stack.Push(Global((string)module, (string)name));
                break;
            case (byte)'R':
                object? args = _stack.Pop(), callable = _stack.Pop();
                if (args is not object?[] tuple)
                    throw Fail($"a call's arguments are {Describe(args)}.");
                _stack.Push(callable is PickleGlobal { Call: { } call } ? call(this, tuple) : throw _bytes.Unsafe($"a call of {Describe(callable)}"));
                break;
            case (byte)'b':
                object? state = _stack.Pop();
                SetState(_stack.Peek(), state);
                break;
            case (byte)'Q':
                _stack.Push(_persistentLoad is null ? throw Fail("a persistent id stands in a pickle that has none.") : _persistentLoad(this, _stack.Pop()));
                break;
            case (byte)'i':
                throw _bytes.Unsafe($"an instance of {_bytes.Line()}.{_bytes.Line()}");
            case 0x81:
                if (_stack.PeekAt(1) is not PickleGlobal { IsMadeEmpty: true } || _stack.PeekAt(0) is not object?[] { Length: 0 })
                    throw _bytes.Unsafe("an instance of a class");
                _stack.Pop();
                _stack.Pop();
                _stack.Push(new PickleNamespace());
                break;
            case (byte)'o' or 0x92:
                throw _bytes.Unsafe("an instance of a class");
            case 0x82 or 0x83 or 0x84:
                throw _bytes.Unsafe("an entry of the extension registry");
            case 0x97 or 0x98:
                throw Fail("out-of-band buffers are not supported.");
            default:
                throw Fail($"the opcode 0x{op:x2} is unknown or not supported.");
        }
    }

    private PickleGlobal Global(string module, string name) => PickleAllowList.Find($"{module}.{name}") ?? throw _bytes.Unsafe($"{module}.{name}");

    private void SetState(object? target, object? state)
    {
        switch (target)
        {
            case NumpyArray array:
                array.SetState(this, state);
                break;
            case NumpyDType dtype:
                dtype.CheckState(this, state);
                break;
            case PickleNamespace options:
                if (options.SetState(state) is string request)
                    throw _bytes.Unsafe(request);
                break;
            // PyTorch hangs its version table on a state dict as an attribute.
            case PickleDictionary { IsOrderedDict: true } when state is PickleDictionary attributes:
                foreach ((object attribute, _) in attributes.Items)
                {
                    if (attribute is not "_metadata")
                        throw _bytes.Unsafe($"setting the attribute {attribute} of an OrderedDict");
                }
                break;
            default:
                throw _bytes.Unsafe($"setting the state of {Describe(target)}");
        }
    }

    private void Append(List<object?> items)
    {
        if (_stack.Peek() is not List<object?> list)
            throw Fail($"items are appended to {Describe(_stack.Peek())}.");
        list.AddRange(items);
    }

    private void SetItems(List<object?> items)
    {
        if (_stack.Peek() is not PickleDictionary dictionary)
            throw Fail($"entries are set in {Describe(_stack.Peek())}.");
        if (items.Count % 2 != 0)
            throw Fail("a dictionary has a key without a value.");
        for (int i = 0; i < items.Count; i += 2)
            dictionary.Set(this, items[i], items[i + 1]);
    }

    private static object Integer(byte[] bytes)
    {
        BigInteger value = new(bytes);
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;
    }
}
