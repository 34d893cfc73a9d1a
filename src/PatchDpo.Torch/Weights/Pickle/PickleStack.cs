namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>The unpickler's stack with its marks, and its memo.</summary>
/// <param name="bytes">Names file and place in messages.</param>
internal sealed class PickleStack(PickleBytes bytes)
{
    private static readonly object Unset = new();

    private readonly List<object?> _memo = [];
    private readonly Stack<List<object?>> _outer = [];
    private List<object?> _items = [];
    private int _memoized;

    public void Push(object? value) => _items.Add(value);

    public object? Peek() => _items.Count > 0 ? _items[^1] : throw bytes.Fail("the stack is empty.");

    /// <summary>The value so many places below the top; null where there is none.</summary>
    public object? PeekAt(int depth) => depth < _items.Count ? _items[^(depth + 1)] : null;

    public object? Pop()
    {
        object? value = Peek();
        _items.RemoveAt(_items.Count - 1);
        return value;
    }

    /// <summary>Sets a mark: what is pushed from now on is above it.</summary>
    public void Mark()
    {
        _outer.Push(_items);
        _items = [];
    }

    /// <summary>Takes all that is above the last mark, and the mark.</summary>
    public List<object?> PopMark()
    {
        if (!_outer.TryPop(out List<object?>? outer))
            throw bytes.Fail("there is no mark on the stack.");
        List<object?> items = _items;
        _items = outer;
        return items;
    }

    /// <summary>Pushes an entry of the memo.</summary>
    public void Get(long index) => Push(
        index < _memo.Count && !ReferenceEquals(_memo[(int)index], Unset) ? _memo[(int)index] : throw bytes.Fail($"the memo has no entry {index}."));

    /// <summary>Makes the top of the stack an entry of the memo.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="operations">How many opcodes were read: writers number entries in order, so that no index is larger.</param>
    public void Put(long index, int operations)
    {
        object? value = Peek();
        if (index > operations)
            throw bytes.Fail($"the memo's entry {index} is far from the others.");
        while (_memo.Count <= index)
            _memo.Add(Unset);
        if (ReferenceEquals(_memo[(int)index], Unset))
            _memoized++;
        _memo[(int)index] = value;
    }

    /// <summary>Makes the top of the stack the next entry of the memo.</summary>
    public void Memoize(int operations) => Put(_memoized, operations);
}
