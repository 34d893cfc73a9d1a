using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Models;

/// <summary>Fills a module's parameters and buffers, after checking that all tensors fit.</summary>
public static class StateDictLoader
{
    /// <summary>Fills a module from a file. No second copy of the weights is made; at most one tensor at a time is converted.</summary>
    /// <remarks>
    /// Where the keys do not fit as they are, they are tried without what training puts before or into all of them: <c>module.</c>
    /// (DistributedDataParallel), <c>_orig_mod.</c> (torch.compile), <c>state_dict.</c>, <c>model.</c> and their like, in any order.
    /// </remarks>
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
        WeightsOrigin.Set(module, source.Path);
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
        nn.Module module, IReadOnlyDictionary<string, Tensor> tensors, string source, string prefix = "", Func<string, string?>? rename = null,
            Func<string, bool>? ignore = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(prefix);
        Load(module, new DictionaryTensorSource(tensors, source), prefix, rename, ignore);
    }

    /// <summary>The source's key of each of the module's, once all fit.</summary>
    private static Dictionary<string, string> Match(
        Dictionary<string, Tensor> targets, ITensorSource source, string prefix, Func<string, string?>? rename, Func<string, bool>? ignore)
    {
        StateDictFit? best = null;
        foreach (IReadOnlyDictionary<string, string> names in StateDictPrefix.Forms(source.Keys))
        {
            StateDictFit fit = new(targets, source, names, prefix, rename, ignore);
            if (fit.IsWhole)
                return fit.Keys;
            if (best is null || fit.Keys.Count > best.Keys.Count)
                best = fit;
        }
        throw best!.Mismatch();
    }
}
