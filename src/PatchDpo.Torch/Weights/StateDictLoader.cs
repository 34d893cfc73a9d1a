using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>Copies tensors into a module's parameters and buffers, after checking that all of them fit.</summary>
public static class StateDictLoader
{
    /// <summary>Fills a module from a file; values are converted to the module's dtypes and devices.</summary>
    /// <param name="module">The module; unchanged where anything does not fit.</param>
    /// <param name="file">The file.</param>
    /// <param name="prefix">Only keys that begin with it are taken, and it is cut off.</param>
    /// <param name="rename">From the file's key (after the prefix) to the module's, or null to leave the tensor out.</param>
    /// <param name="ignore">Keys (as the module would name them) that the module may lack, such as Hugging Face's <c>position_ids</c>.</param>
    /// <exception cref="StateDictMismatchException">Keys are missing, unexpected or of another shape: all are listed.</exception>
    public static void Load(nn.Module module, SafetensorsFile file, string prefix = "", Func<string, string?>? rename = null, Func<string, bool>? ignore = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        Load(module, file.Keys, file.Shape, key => file.Read(key), file.Path, prefix, rename, ignore);
    }

    /// <summary>Fills a module from tensors; values are converted to the module's dtypes and devices.</summary>
    /// <param name="module">The module; unchanged where anything does not fit.</param>
    /// <param name="tensors">The tensors; they stay the caller's.</param>
    /// <param name="source">Their name, for messages.</param>
    /// <param name="prefix">Only keys that begin with it are taken, and it is cut off.</param>
    /// <param name="rename">From the source's key (after the prefix) to the module's, or null to leave the tensor out.</param>
    /// <param name="ignore">Keys (as the module would name them) that the module may lack, such as Hugging Face's <c>position_ids</c>.</param>
    /// <exception cref="StateDictMismatchException">Keys are missing, unexpected or of another shape: all are listed.</exception>
    public static void Load(nn.Module module, IReadOnlyDictionary<string, Tensor> tensors, string source, string prefix = "", Func<string, string?>? rename = null, Func<string, bool>? ignore = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Load(module, tensors.Keys, key => tensors[key].shape, key => tensors[key].alias(), source, prefix, rename, ignore);
    }

    private static void Load(
        nn.Module module, IEnumerable<string> keys, Func<string, long[]> shape, Func<string, Tensor> read,
        string source, string prefix, Func<string, string?>? rename, Func<string, bool>? ignore)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(prefix);
        Dictionary<string, Tensor> targets = module.state_dict();
        Dictionary<string, string> sourceKeys = new(StringComparer.Ordinal);
        List<string> unexpected = [], misshaped = [];
        foreach (string key in keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)))
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
            else if (!target.shape.AsSpan().SequenceEqual(shape(key)))
            {
                misshaped.Add($"{KeyText.Quote(key)}: the module has [{string.Join(",", target.shape)}], the source [{string.Join(",", shape(key))}]");
            }
        }
        List<string> missing = [.. targets.Keys.Where(k => !sourceKeys.ContainsKey(k)).Select(k => KeyText.Quote(prefix + k))];
        if (missing.Count + unexpected.Count + misshaped.Count > 0)
            throw new StateDictMismatchException(source, missing, unexpected, misshaped);

        using IDisposable noGrad = no_grad();
        foreach ((string name, string key) in sourceKeys)
        {
            using Tensor value = read(key);
            targets[name].copy_(value);
        }
    }
}
