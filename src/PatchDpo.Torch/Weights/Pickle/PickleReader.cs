using System.Buffers.Binary;
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
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private const int MaxNameLength = 1000;

    // libtorch's own limit for many operations, and numpy's.
    private const int MaxRank = 64;

    // What a pickle written by Python hands to calls in all is no longer than the pickle; a few arguments may stand in several.
    private const int MaxArgumentRatio = 4, FreeArguments = 65_536;

    private static readonly object Unset = new();

    private readonly Stream _stream;
    private readonly string _path;
    private readonly int _maxOperations;
    private readonly Func<PickleReader, object?, object?>? _persistentLoad;
    private readonly List<object?> _memo = [];
    private readonly Stack<List<object?>> _outer = [];
    private List<object?> _stack = [];
    private int _memoized;
    private long _argumentsLeft;

    /// <summary>Prepares to read one pickle from the stream's position.</summary>
    /// <param name="stream">A seekable stream, buffered.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="maxOperations">The largest number of opcodes.</param>
    /// <param name="persistentLoad">Resolves persistent ids; null where there are none.</param>
    public PickleReader(Stream stream, string path, int maxOperations, Func<PickleReader, object?, object?>? persistentLoad = null)
    {
        _stream = stream;
        _path = path;
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
            byte op = Byte();
            if (op == (byte)'.')
                return Pop();
            Execute(op);
        }
        throw Fail($"the pickle has more than {_maxOperations} operations.");
    }

    /// <summary>An exception that names the file and the place.</summary>
    public WeightsFormatException Fail(string problem, Exception? inner = null) => new(_path, null, $"pickle, near byte {_stream.Position}: {problem}", inner);

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
                byte protocol = Byte();
                if (protocol is < 2 or > 5)
                    throw Fail($"pickle protocol {protocol} is not supported.");
                break;
            case 0x95:
                CheckLength(UInt64(), "frame");
                break;
            case (byte)'(':
                _outer.Push(_stack);
                _stack = [];
                break;
            case (byte)'0':
                Pop();
                break;
            case (byte)'1':
                PopMark();
                break;
            case (byte)'2':
                Push(Peek());
                break;
            case (byte)'N':
                Push(null);
                break;
            case 0x88:
                Push(true);
                break;
            case 0x89:
                Push(false);
                break;
            case (byte)'J':
                Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                break;
            case (byte)'K':
                Push((long)Byte());
                break;
            case (byte)'M':
                Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                break;
            case 0x8a:
                Push(Integer(Take(Byte())));
                break;
            case 0x8b:
                Push(Integer(Take(BinaryPrimitives.ReadInt32LittleEndian(Take(4)))));
                break;
            case (byte)'G':
                Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                break;
            case (byte)'X':
                Push(Text(Take(UInt32())));
                break;
            case 0x8c:
                Push(Text(Take(Byte())));
                break;
            case 0x8d:
                Push(Text(Take(CheckLength(UInt64(), "string"))));
                break;
            case (byte)'T':
                Push(Encoding.Latin1.GetString(Take(BinaryPrimitives.ReadInt32LittleEndian(Take(4)))));
                break;
            case (byte)'U':
                Push(Encoding.Latin1.GetString(Take(Byte())));
                break;
            case (byte)'B':
                Push(Take(UInt32()));
                break;
            case (byte)'C':
                Push(Take(Byte()));
                break;
            case 0x8e or 0x96:
                Push(Take(CheckLength(UInt64(), "byte string")));
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
                Push(new List<object?>());
                break;
            case (byte)'l':
                Push(PopMark());
                break;
            case (byte)'a':
                object? item = Pop();
                Append([item]);
                break;
            case (byte)'e':
                Append(PopMark());
                break;
            case (byte)')':
                Push(Array.Empty<object?>());
                break;
            case (byte)'t':
                Push(PopMark().ToArray());
                break;
            case 0x85 or 0x86 or 0x87:
                object?[] tuple = new object?[op - 0x84];
                for (int i = tuple.Length - 1; i >= 0; i--)
                    tuple[i] = Pop();
                Push(tuple);
                break;
            case (byte)'}':
                Push(new PickleDictionary());
                break;
            case (byte)'d':
                List<object?> items = PopMark();
                Push(new PickleDictionary());
                SetItems(items);
                break;
            case (byte)'s':
                object? value = Pop(), key = Pop();
                SetItems([key, value]);
                break;
            case (byte)'u':
                SetItems(PopMark());
                break;
            case (byte)'h':
                Get(Byte());
                break;
            case (byte)'j':
                Get(UInt32());
                break;
            case (byte)'q':
                Put(Byte());
                break;
            case (byte)'r':
                Put(UInt32());
                break;
            case 0x94:
                Put(_memoized);
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
                Push(Global(Line(), Line()));
                break;
            case 0x93:
                object? name = Pop(), module = Pop();
                if (name is not string || module is not string)
                    throw Fail($"a name is looked up by {Describe(module)} and {Describe(name)} instead of two strings.");
                Push(Global((string)module, (string)name));
                break;
            case (byte)'R':
                object? args = Pop(), callable = Pop();
                if (args is not object?[] tuple)
                    throw Fail($"a call's arguments are {Describe(args)}.");
                Push(callable is PickleGlobal { Call: { } call } ? call(this, tuple) : throw Unsafe($"a call of {Describe(callable)}"));
                break;
            case (byte)'b':
                object? state = Pop();
                SetState(Peek(), state);
                break;
            case (byte)'Q':
                Push(_persistentLoad is null ? throw Fail("a persistent id stands in a pickle that has none.") : _persistentLoad(this, Pop()));
                break;
            case (byte)'i':
                throw Unsafe($"an instance of {Line()}.{Line()}");
            case (byte)'o' or 0x81 or 0x92:
                throw Unsafe("an instance of a class");
            case 0x82 or 0x83 or 0x84:
                throw Unsafe("an entry of the extension registry");
            case 0x97 or 0x98:
                throw Fail("out-of-band buffers are not supported.");
            default:
                throw Fail($"the opcode 0x{op:x2} is unknown or not supported.");
        }
    }

    private PickleGlobal Global(string module, string name) => PickleAllowList.Find($"{module}.{name}") ?? throw Unsafe($"{module}.{name}");

    private UnsafePickleException Unsafe(string request) => new(_path, request, _stream.Position);

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
            // PyTorch hangs its version table on a state dict as an attribute.
            case PickleDictionary { IsOrderedDict: true } when state is PickleDictionary attributes:
                foreach ((object attribute, _) in attributes.Items)
                {
                    if (attribute is not "_metadata")
                        throw Unsafe($"setting the attribute {attribute} of an OrderedDict");
                }
                break;
            default:
                throw Unsafe($"setting the state of {Describe(target)}");
        }
    }

    private void Append(List<object?> items)
    {
        if (Peek() is not List<object?> list)
            throw Fail($"items are appended to {Describe(Peek())}.");
        list.AddRange(items);
    }

    private void SetItems(List<object?> items)
    {
        if (Peek() is not PickleDictionary dictionary)
            throw Fail($"entries are set in {Describe(Peek())}.");
        if (items.Count % 2 != 0)
            throw Fail("a dictionary has a key without a value.");
        for (int i = 0; i < items.Count; i += 2)
            dictionary.Set(this, items[i], items[i + 1]);
    }

    private void Get(long index) => Push(index < _memo.Count && !ReferenceEquals(_memo[(int)index], Unset) ? _memo[(int)index] : throw Fail($"the memo has no entry {index}."));

    // Writers number the entries of the memo in order, so that an index below the number of operations is all that is needed.
    private void Put(long index)
    {
        object? value = Peek();
        if (index > Operations)
            throw Fail($"the memo's entry {index} is far from the others.");
        while (_memo.Count <= index)
            _memo.Add(Unset);
        if (ReferenceEquals(_memo[(int)index], Unset))
            _memoized++;
        _memo[(int)index] = value;
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Peek() => _stack.Count > 0 ? _stack[^1] : throw Fail("the stack is empty.");

    private object? Pop()
    {
        object? value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private List<object?> PopMark()
    {
        if (!_outer.TryPop(out List<object?>? outer))
            throw Fail("there is no mark on the stack.");
        List<object?> items = _stack;
        _stack = outer;
        return items;
    }

    private static object Integer(byte[] bytes)
    {
        BigInteger value = new(bytes);
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;
    }

    private string Text(byte[] utf8)
    {
        try
        {
            return StrictUtf8.GetString(utf8);
        }
        catch (DecoderFallbackException e)
        {
            throw Fail("a string is not valid UTF-8.", e);
        }
    }

    private string Line()
    {
        StringBuilder line = new();
        for (byte b = Byte(); b != (byte)'\n'; b = Byte())
        {
            if (line.Length == MaxNameLength)
                throw Fail($"a name is longer than {MaxNameLength} bytes.");
            line.Append((char)b);
        }
        return line.ToString();
    }

    private byte Byte()
    {
        int value = _stream.ReadByte();
        return value >= 0 ? (byte)value : throw Fail("the pickle ends before its STOP.");
    }

    private uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    private long CheckLength(ulong length, string what)
    {
        long left = _stream.Length - _stream.Position;
        return length <= (ulong)left ? (long)length : throw Fail($"a {what} claims {length} bytes, but {left} follow.");
    }

    private byte[] Take(long length)
    {
        long left = _stream.Length - _stream.Position;
        if (length < 0 || length > left || length > Array.MaxLength)
            throw Fail($"{length} bytes are asked for, but {left} follow.");
        byte[] bytes = new byte[length];
        _stream.ReadExactly(bytes);
        return bytes;
    }
}
