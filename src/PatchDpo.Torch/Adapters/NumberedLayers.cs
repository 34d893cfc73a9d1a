using System.Globalization;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters;

/// <summary>A module for each cross-attention layer of a UNet, under the number that IP-Adapter files give it: what families' layers are made of.</summary>
/// <remarks>Numbers count the UNet's attention layers: down blocks, up blocks, the middle block last, self- and cross-attention alternating.</remarks>
internal sealed class NumberedLayers<T> where T : nn.Module
{
    private readonly Dictionary<int, T> _byIndex = [];

    /// <summary>Makes the modules and registers them with their owner.</summary>
    /// <param name="owner">Whose state they are.</param>
    /// <param name="places">The layers, as <see cref="CrossAttentions"/> gives them.</param>
    /// <param name="make">Makes a module for a layer.</param>
    public NumberedLayers(nn.Module owner, IReadOnlyList<AttentionLayer> places, Func<AttentionLayer, T> make)
    {
        Places = places;
        foreach (AttentionLayer place in places)
        {
            T module = make(place);
            _byIndex.Add(place.Index, module);
            owner.register_module(place.Index.ToString(CultureInfo.InvariantCulture), module);
        }
    }

    /// <summary>The layers, by ascending number.</summary>
    public IReadOnlyList<AttentionLayer> Places { get; }

    /// <summary>Their numbers, ascending.</summary>
    public IEnumerable<int> Indices => Places.Select(l => l.Index);

    /// <summary>The first module.</summary>
    public T First => _byIndex[Places[0].Index];

    /// <summary>The module of a layer.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public T this[int index] => _byIndex.TryGetValue(index, out T? layer) ? layer
        : throw new ArgumentException($"The adapter has no layer {index}: it was made for another UNet.", nameof(index));

    /// <summary>The cross-attention layers of a UNet.</summary>
    /// <exception cref="ArgumentException">The configuration is not valid.</exception>
    public static IReadOnlyList<AttentionLayer> CrossAttentions(UNetConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        return [.. config.AttentionLayers().Where(l => l.ContextChannels is not null)];
    }

    /// <summary>Fills a copy that was made for the same layers: values, what requires gradients, and what was trained with them.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="original">What it is of.</param>
    /// <param name="dtype">The copy's type; null for the same.</param>
    public static TOwner Filled<TOwner>(TOwner copy, TOwner original, ScalarType? dtype) where TOwner : AdapterLayers
    {
        copy.FilledFrom(original).TakeTraining(original, dtype);
        return copy;
    }
}
