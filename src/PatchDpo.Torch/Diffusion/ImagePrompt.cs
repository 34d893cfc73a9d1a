using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>A batch of image prompts as an adapter family's layers take them: named tensors, each with a row an image prompt.</summary>
/// <remarks>The family gives the names and their meaning; whoever batches, repeats, stores or moves image prompts need not know them.</remarks>
public sealed class ImagePrompt : IDisposable
{
    private readonly SortedDictionary<string, Tensor> _tensors;

    /// <summary>Takes over tensors.</summary>
    /// <param name="tensors">At least one; all with the same number of rows.</param>
    /// <exception cref="ArgumentException">There is none, or their numbers of rows differ.</exception>
    public ImagePrompt(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        _tensors = new SortedDictionary<string, Tensor>(tensors.ToDictionary(), StringComparer.Ordinal);
        if (_tensors.Values.Select(t => t.dim() == 0 ? -1 : t.shape[0]).Distinct().Count() != 1)
            throw new ArgumentException("An image prompt's tensors have a row for each image prompt, all as many.", nameof(tensors));
    }

    /// <summary>Image prompts of one tensor.</summary>
    internal ImagePrompt(string name, Tensor tensor) : this([new(name, tensor)])
    {
    }

    /// <summary>The tensors' names, in ordinal order.</summary>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>How many image prompts there are.</summary>
    public long Rows => First.AliveIn(this).shape[0];

    /// <summary>A tensor; it stays this object's.</summary>
    /// <exception cref="KeyNotFoundException">The family has no tensor of this name.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Tensor this[string name]
    {
        get
        {
            First.AliveIn(this);
            ArgumentNullException.ThrowIfNull(name);
            return _tensors[name];
        }
    }

    private Tensor First => _tensors.First().Value;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in _tensors.Values)
            tensor.Dispose();
    }

    /// <summary>The rows of all parts; new tensors in the current dispose scope.</summary>
    /// <param name="parts">At least one; all of one family.</param>
    internal static ImagePrompt Concat(params IReadOnlyList<ImagePrompt> parts)
        => new(parts[0].Names.Select(n => KeyValuePair.Create(n, cat([.. parts.Select(p => p[n])]))));

    /// <summary>Applies a function of tensors to each of them.</summary>
    internal ImagePrompt Map(Func<Tensor, Tensor> function) => new(Names.Select(n => KeyValuePair.Create(n, function(this[n]))));
}
