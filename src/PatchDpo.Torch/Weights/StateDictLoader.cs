using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>Fills a module's parameters and buffers, after checking that all tensors fit.</summary>
public static class StateDictLoader
{
    /// <summary>Fills a module from a file. No second copy of the weights is made; at most one tensor at a time is converted.</summary>
    /// <param name="module">
    /// The module; unchanged where anything does not fit. What is on a real device keeps its device and dtype. What is on the
    /// meta device gets its storage from the file, on <paramref name="device"/> and as <paramref name="dtype"/>
    /// (a buffer that is not part of the state stays where it is).
    /// </param>
    /// <param name="source">The file.</param>
    /// <param name="prefix">Only keys that begin with it are taken, and it is cut off.</param>
    /// <param name="rename">From the file's key (after the prefix) to the module's, or null to leave the tensor out.</param>
    /// <param name="ignore">Keys (as the module would name them) that the module may lack, such as Hugging Face's <c>position_ids</c>.</param>
    /// <param name="device">For tensors on the meta device: where they go; null for the CPU.</param>
    /// <param name="dtype">For floating-point tensors on the meta device: their dtype; null for the file's.</param>
    /// <exception cref="StateDictMismatchException">Keys are missing, unexpected or of another shape: all are listed.</exception>
    /// <exception cref="NotSupportedException">A parameter on the meta device belongs to a TorchSharp module that cannot be loaded so.</exception>
    public static void Load(
        nn.Module module, ITensorSource source, string prefix = "", Func<string, string?>? rename = null, Func<string, bool>? ignore = null,
        Device? device = null, ScalarType? dtype = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(prefix);
        Dictionary<string, Tensor> targets = module.state_dict();
        Dictionary<string, string> sourceKeys = Match(targets, source, prefix, rename, ignore);
        MetaTensor.CheckSupported(module);
        foreach ((string name, string key) in sourceKeys)
        {
            Tensor target = targets[name];
            if (target.device_type != DeviceType.META)
            {
                source.CopyTo(key, target);
                continue;
            }
            using Tensor values = source.Read(key, device, target.is_floating_point() ? dtype : null);
            MetaTensor.Materialize(target, values);
        }
        MetaTensor.RefreshEmbeddings(module);
    }

    /// <summary>Fills a module from tensors in memory; they stay the caller's.</summary>
    /// <param name="module">The module; as in the other overload.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="source">Their name, for messages.</param>
    /// <param name="prefix">Only keys that begin with it are taken, and it is cut off.</param>
    /// <param name="rename">From the source's key (after the prefix) to the module's, or null to leave the tensor out.</param>
    /// <param name="ignore">Keys (as the module would name them) that the module may lack.</param>
    /// <exception cref="StateDictMismatchException">Keys are missing, unexpected or of another shape: all are listed.</exception>
    public static void Load(
        nn.Module module, IReadOnlyDictionary<string, Tensor> tensors, string source, string prefix = "", Func<string, string?>? rename = null, Func<string, bool>? ignore = null) =>
        Load(module, new DictionaryTensorSource(tensors, source), prefix, rename, ignore);

    /// <summary>The source's key of each of the module's, once all fit.</summary>
    private static Dictionary<string, string> Match(
        Dictionary<string, Tensor> targets, ITensorSource source, string prefix, Func<string, string?>? rename, Func<string, bool>? ignore)
    {
        Dictionary<string, string> sourceKeys = new(StringComparer.Ordinal);
        List<string> unexpected = [], misshaped = [];
        foreach (string key in source.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)))
        {
            string cut = key[prefix.Length..];
            string? name = rename is null ? cut : rename(cut);
            if (name is null)
                continue;
            if (!targets.TryGetValue(name, out Tensor? target))
            {
                if (ignore is null || !ignore(name))
                    unexpected.Add(name == cut ? KeyText.Quote(key) : $"{KeyText.Quote(key)} (as {KeyText.Quote(name)})");
            }
            else if (!sourceKeys.TryAdd(name, key))
            {
                unexpected.Add($"{KeyText.Quote(key)} (as {KeyText.Quote(name)}, which {KeyText.Quote(sourceKeys[name])} already is)");
            }
            else if (source.Shape(key) is { } shape && !target.shape.AsSpan().SequenceEqual(shape))
            {
                misshaped.Add($"{KeyText.Quote(key)}: the module has [{string.Join(",", target.shape)}], the source [{string.Join(",", shape)}]");
            }
        }
        List<string> missing = [.. targets.Keys.Where(k => !sourceKeys.ContainsKey(k)).Select(k => KeyText.Quote(prefix + k))];
        return missing.Count + unexpected.Count + misshaped.Count == 0
            ? sourceKeys
            : throw new StateDictMismatchException(source.Path, missing, unexpected, misshaped);
    }
}
