using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Models;

/// <summary>How the tensors of a source, under given names, fit the tensors of a module.</summary>
internal sealed class StateDictFit
{
    private readonly ITensorSource _source;
    private readonly List<string> _missing, _unexpected = [], _misshaped = [];

    /// <summary>Compares names and shapes.</summary>
    /// <param name="targets">The module's tensors.</param>
    /// <param name="source">The source.</param>
    /// <param name="names">The source's keys by the names that they are looked up under.</param>
    /// <param name="prefix">Only names that begin with it are taken, and it is cut off.</param>
    /// <param name="rename">From the name (after the prefix) to the module's, or null to leave the tensor out.</param>
    /// <param name="ignore">Keys (as the module would name them) that the module may lack.</param>
    public StateDictFit(
        Dictionary<string, Tensor> targets, ITensorSource source, IReadOnlyDictionary<string, string> names, string prefix,
        Func<string, string?>? rename, Func<string, bool>? ignore)
    {
        _source = source;
        foreach ((string given, string key) in names)
        {
            if (!given.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            string cut = given[prefix.Length..];
            string? name = rename is null ? cut : rename(cut);
            if (name is null)
                continue;
            if (!targets.TryGetValue(name, out Tensor? target))
            {
                if (ignore is null || !ignore(name))
                    _unexpected.Add(name == cut ? KeyText.Quote(key) : $"{KeyText.Quote(key)} (as {KeyText.Quote(name)})");
            }
            else if (!Keys.TryAdd(name, key))
            {
                _unexpected.Add($"{KeyText.Quote(key)} (as {KeyText.Quote(name)}, which {KeyText.Quote(Keys[name])} already is)");
            }
            else if (source.Shape(key) is { } shape && !target.shape.AsSpan().SequenceEqual(shape))
            {
                _misshaped.Add($"{KeyText.Quote(key)}: the module has [{string.Join(",", target.shape)}], the source [{string.Join(",", shape)}]");
            }
        }
        _missing = [.. targets.Keys.Where(k => !Keys.ContainsKey(k)).Select(k => KeyText.Quote(prefix + k))];
    }

    /// <summary>The source's key of each of the module's that it has.</summary>
    public Dictionary<string, string> Keys { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether all fit.</summary>
    public bool IsWhole => _missing.Count + _unexpected.Count + _misshaped.Count == 0;

    /// <summary>What does not fit.</summary>
    public StateDictMismatchException Mismatch()
    {
        // Only where nothing fits is a prefix the cause.
        string common = Keys.Count == 0 ? StateDictPrefix.Common(_source.Keys) : "";
        return new StateDictMismatchException(
            _source.Path, _missing, _unexpected, _misshaped, common.Length == 0 ? null
                : $"all of its keys begin with {KeyText.Quote(common)}, and none of the module's does.");
    }
}
