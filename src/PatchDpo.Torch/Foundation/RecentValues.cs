using System.Diagnostics.CodeAnalysis;

namespace PatchDpo.Torch.Foundation;

/// <summary>Values that were used last, up to a limit; what has not been used for longest goes first. Safe for several threads.</summary>
/// <typeparam name="TKey">What a value is known by.</typeparam>
/// <typeparam name="TValue">What is kept.</typeparam>
/// <param name="capacity">The most weight that is kept; a value that is heavier than that is not.</param>
/// <param name="weight">A value's weight, such as its bytes.</param>
internal sealed class RecentValues<TKey, TValue>(long capacity, Func<TValue, long> weight)
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> _nodes = [];
    private readonly LinkedList<(TKey Key, TValue Value)> _recent = new();
    private readonly Lock _lock = new();
    private long _weight;

    /// <summary>What is kept weighs so much.</summary>
    public long Weight
    {
        get
        {
            lock (_lock)
                return _weight;
        }
    }

    /// <summary>Whether a value is there; it is not thereby used.</summary>
    public bool Contains(TKey key)
    {
        lock (_lock)
            return _nodes.ContainsKey(key);
    }

    /// <summary>Gets a value, which is then the one that was used last.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        lock (_lock)
        {
            if (!_nodes.TryGetValue(key, out LinkedListNode<(TKey Key, TValue Value)>? node))
            {
                value = default;
                return false;
            }
            _recent.Remove(node);
            _recent.AddFirst(node);
            value = node.Value.Value;
            return true;
        }
    }

    /// <summary>Keeps a value, in the place of another one under the same key.</summary>
    public void Add(TKey key, TValue value)
    {
        lock (_lock)
        {
            if (_nodes.TryGetValue(key, out LinkedListNode<(TKey Key, TValue Value)>? old))
                Drop(old);
            _nodes[key] = _recent.AddFirst((key, value));
            _weight += weight(value);
            while (_weight > capacity)
                Drop(_recent.Last!);
        }
    }

    /// <summary>Lets go of everything.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _nodes.Clear();
            _recent.Clear();
            _weight = 0;
        }
    }

    private void Drop(LinkedListNode<(TKey Key, TValue Value)> node)
    {
        _recent.Remove(node);
        _nodes.Remove(node.Value.Key);
        _weight -= weight(node.Value.Value);
    }
}
