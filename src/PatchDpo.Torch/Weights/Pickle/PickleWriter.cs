using System.Buffers.Binary;
using System.Text;
using PatchDpo.Torch.Weights.Zip;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>Writes pickles of protocols 2 and 3 for plain data, tensors and numpy arrays, as CPython's pickler does.</summary>
/// <remarks>Equal strings and names are written once and then taken from the memo. Opcodes: CPython's pickletools.py.</remarks>
internal sealed class PickleWriter
{
    // CPython adds this many items to a list or dictionary at a time, so that its reader's stack stays small.
    private const int BatchSize = 1000;

    private readonly Stream _stream;
    private readonly Dictionary<string, int> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Module, string Name), int> _globals = [];
    private int _memoCount;

    /// <summary>Begins a pickle at the stream's position.</summary>
    public PickleWriter(Stream stream, byte protocol)
    {
        _stream = stream;
        Raw(0x80, protocol);
    }

    /// <summary>Ends the pickle.</summary>
    public void Stop() => Op('.');

    public void None() => Op('N');

    public void Boolean(bool value) => Op(value ? '\x88' : '\x89');

    public void Integer(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        switch (value)
        {
            case >= 0 and <= byte.MaxValue:
                Op('K', bytes[..1]);
                break;
            case >= 0 and <= ushort.MaxValue:
                Op('M', bytes[..2]);
                break;
            case >= int.MinValue and <= int.MaxValue:
                Op('J', bytes[..4]);
                break;
            default:
                Raw(0x8a, sizeof(long));
                _stream.Write(bytes);
                break;
        }
    }

    /// <summary>A string.</summary>
    /// <exception cref="ArgumentException">It has half of a surrogate pair.</exception>
    public void Text(string value)
    {
        if (_texts.TryGetValue(value, out int known))
        {
            Recall(known);
            return;
        }
        byte[] utf8 = ZipWriter.Utf8.GetBytes(value);
        Length('X', utf8.Length);
        _stream.Write(utf8);
        _texts.Add(value, Memorize());
    }

    /// <summary>A byte string; protocol 3 and later have it.</summary>
    /// <returns>Its place in the memo, for <see cref="Recall"/>.</returns>
    public int Bytes(ReadOnlySpan<byte> value)
    {
        if (value.Length <= byte.MaxValue)
            Raw((byte)'C', (byte)value.Length);
        else
            Length('B', value.Length);
        _stream.Write(value);
        return Memorize();
    }

    /// <summary>A class or function of a Python module.</summary>
    public void Global(string module, string name)
    {
        if (_globals.TryGetValue((module, name), out int known))
        {
            Recall(known);
            return;
        }
        _stream.Write(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));
        _globals.Add((module, name), Memorize());
    }

    /// <summary>Begins a tuple of more than three values.</summary>
    public void Mark() => Op('(');

    /// <summary>Makes a tuple of the last values; of more than three: of those since <see cref="Mark"/>.</summary>
    public void Tuple(int count)
    {
        Op(count switch { 0 => ')', 1 => '\x85', 2 => '\x86', 3 => '\x87', _ => 't' });
        if (count > 0)
            Memorize();
    }

    /// <summary>A tuple of integers.</summary>
    public void Tuple(ReadOnlySpan<long> values)
    {
        if (values.Length > 3)
            Mark();
        foreach (long value in values)
            Integer(value);
        Tuple(values.Length);
    }

    /// <summary>A dictionary in the order of its items.</summary>
    public void Dictionary<T>(IReadOnlyCollection<KeyValuePair<string, T>> items, Action<T> writeValue) => Collection('}', 's', 'u', items, item =>
    {
        Text(item.Key);
        writeValue(item.Value);
    });

    /// <summary>A list.</summary>
    public void List<T>(IReadOnlyCollection<T> items, Action<T> writeItem) => Collection(']', 'a', 'e', items, writeItem);

    /// <summary>Calls the function with the tuple of arguments that was written last.</summary>
    /// <returns>The result's place in the memo, for <see cref="Recall"/>.</returns>
    public int Reduce()
    {
        Op('R');
        return Memorize();
    }

    /// <summary>Sets the state of the object before it.</summary>
    public void Build() => Op('b');

    /// <summary>Turns the last value into a persistent id.</summary>
    public void PersistentId() => Op('Q');

    /// <summary>A value that was written before.</summary>
    public void Recall(int place)
    {
        if (place <= byte.MaxValue)
            Raw((byte)'h', (byte)place);
        else
            Length('j', place);
    }

    private void Collection<T>(char empty, char setOne, char setMany, IReadOnlyCollection<T> items, Action<T> write)
    {
        Op(empty);
        Memorize();
        foreach (T[] batch in items.Chunk(BatchSize))
        {
            if (items.Count > 1)
                Mark();
            foreach (T item in batch)
                write(item);
            Op(items.Count > 1 ? setMany : setOne);
        }
    }

    private int Memorize()
    {
        if (_memoCount <= byte.MaxValue)
            Raw((byte)'q', (byte)_memoCount);
        else
            Length('r', _memoCount);
        return _memoCount++;
    }

    private void Length(char op, int length)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
        Op(op, bytes);
    }

    private void Op(char op, ReadOnlySpan<byte> argument = default)
    {
        _stream.WriteByte((byte)op);
        _stream.Write(argument);
    }

    private void Raw(byte op, byte argument)
    {
        _stream.WriteByte(op);
        _stream.WriteByte(argument);
    }
}
