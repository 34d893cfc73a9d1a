using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>
/// ELITE's cross-attention: the text through the global mapper's keys and values, and beside it the object's patches, weighed at each place by how
/// much it attends to the placeholder.
/// </summary>
/// <remarks>
/// train_local.py, inj_forward_crossattention. The placeholder's map is divided by one maximum over batch, heads and places of the layer; rows without
/// a placeholder (the unconditional half of guidance) have no part in it and no local branch, as in the reference's two calls. Gradients flow through
/// the map and its maximum.
/// </remarks>
/// <param name="layers">Both mappers' keys and values.</param>
/// <param name="tokens">The object's patches, <c>(B,M,Ctext)</c>; null for the text alone.</param>
/// <param name="placeholders">The placeholder's place in each row's text, int64 <c>(B)</c>, -1 where there is none; null with the tokens.</param>
/// <param name="scale">The local branch's weight, lambda; 0 leaves the text alone.</param>
internal sealed class EliteAttention(EliteLayers layers, Tensor? tokens, Tensor? placeholders, double scale) : IImagePromptBranch
{
    /// <inheritdoc/>
    public void Check(long batch)
    {
        if (tokens is not null && (tokens.dim() != 3 || tokens.shape[0] != batch))
            throw new ArgumentException($"The object's patches are ({string.Join(',', tokens.shape)}); ({batch},M,C) is expected.", "imagePrompt");
        if (placeholders is not null && (placeholders.dim() != 1 || placeholders.shape[0] != batch))
            throw new ArgumentException($"The placeholders are ({string.Join(',', placeholders.shape)}); ({batch}) is expected.", "imagePrompt");
    }

    /// <inheritdoc/>
    public Tensor Attend(CrossAttentionCall layer)
    {
        (Tensor key, Tensor value) = Split(layers.Global, layer.Text);
        if (tokens is null || placeholders is null || scale == 0)
            return layer.Attend(key, value);
        Tensor probabilities = layer.Probabilities(key);
        Tensor gate = Gate(probabilities);
        (Tensor localKey, Tensor localValue) = Split(layers.Local, tokens);
        return matmul(probabilities, value).PlusScaled(layer.Attend(localKey, localValue) * gate, scale);

        (Tensor, Tensor) Split(EliteKeysAndValues projections, Tensor states)
        {
            (Tensor k, Tensor v) = projections.Project(layer.LayerIndex, states);
            return (layer.SplitHeads(k), layer.SplitHeads(v));
        }
    }

    // The placeholder's column of (B,heads,places,T), 0 in rows without one, over its maximum: (B,heads,places,1).
    private Tensor Gate(Tensor probabilities)
    {
        Tensor places = placeholders!.view(-1, 1, 1, 1);
        Tensor present = places.GreaterThan(-1);
        Tensor column = probabilities.gather(3, where(present, places, zeros_like(places)).expand([.. probabilities.shape[..3], 1]));
        Tensor map = column * present.to_type(column.dtype), maximum = map.max();
        // It is 0 where no row has a placeholder, and so is what it divides.
        return map / where(maximum.GreaterThan(0), maximum, ones_like(maximum));
    }
}
