using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion;

/// <summary>One cross-attention layer in one forward pass, as an <see cref="IImagePromptBranch"/> sees it.</summary>
/// <remarks>
/// Tensors are made in the dispose scope that is current when they are asked for, which is the layer's; nothing of a call outlives it. Where the UNet
/// attends in float32 (upcast_attention), so do all methods here.
/// </remarks>
public sealed class CrossAttentionCall
{
    private readonly Func<Tensor, Tensor> _toKey;
    private readonly Func<Tensor, Tensor> _toValue;
    private readonly bool _upcast;

    internal CrossAttentionCall(
        int layerIndex, int heads, bool upcast, Tensor input, Tensor text, (long Height, long Width) grid,
        Func<Tensor, Tensor> toQuery, Func<Tensor, Tensor> toKey, Func<Tensor, Tensor> toValue)
    {
        (LayerIndex, Heads, _upcast, Text, (Height, Width), _toKey, _toValue) = (layerIndex, heads, upcast, text, grid, toKey, toValue);
        Query = SplitHeads(toQuery(input));
    }

    /// <summary>
    /// The layer's number in the order in which IP-Adapter files count attention layers: down blocks, up blocks, the middle block last, self- and
    /// cross-attention alternating, so that it is odd.
    /// </summary>
    public int LayerIndex { get; }

    /// <summary>Number of heads.</summary>
    public int Heads { get; }

    /// <summary>Rows of the layer's grid: queries are its cells, row by row.</summary>
    public long Height { get; }

    /// <summary>Columns of the layer's grid.</summary>
    public long Width { get; }

    /// <summary>Queries of the grid's cells, <c>(B,heads,H*W,C/heads)</c>.</summary>
    public Tensor Query { get; }

    /// <summary>The text's hidden states, <c>(B,T,Ctext)</c>.</summary>
    public Tensor Text { get; }

    /// <summary>The text's keys, <c>(B,heads,T,C/heads)</c>.</summary>
    public Tensor TextKey => field ??= ProjectKey(Text);

    /// <summary>The text's values, <c>(B,heads,T,C/heads)</c>.</summary>
    public Tensor TextValue => field ??= ProjectValue(Text);

    /// <summary>Keys of other hidden states by the layer's own projection: <c>(B,M,Ctext) -> (B,heads,M,C/heads)</c>.</summary>
    public Tensor ProjectKey(Tensor hiddenStates) => SplitHeads(_toKey(hiddenStates));

    /// <summary>Values of other hidden states by the layer's own projection: <c>(B,M,Ctext) -> (B,heads,M,C/heads)</c>.</summary>
    public Tensor ProjectValue(Tensor hiddenStates) => SplitHeads(_toValue(hiddenStates));

    /// <summary>What the layer attends to without a branch: softmax(q k_text^T / sqrt(C/heads)) v_text, <c>(B,heads,H*W,C/heads)</c>.</summary>
    public Tensor AttendToText() => Attend(TextKey, TextValue);

    /// <summary>softmax(q k^T / sqrt(C/heads)) v by the fused kernel: <c>2 x (B,heads,M,C/heads) -> (B,heads,H*W,C/heads)</c>.</summary>
    /// <param name="key">Keys.</param>
    /// <param name="value">Values.</param>
    /// <param name="mask">Added to the scores before the softmax, <c>(H*W,M)</c> with any leading dimensions; null for none.</param>
    public Tensor Attend(Tensor key, Tensor value, Tensor? mask = null) => nn.functional.scaled_dot_product_attention(Query, key, value, mask);

    /// <summary>
    /// softmax(q k^T / sqrt(C/heads)), <c>(B,heads,M,C/heads) -> (B,heads,H*W,M)</c>, which the fused kernel does not give: ask for it only where the
    /// probabilities themselves are needed.
    /// </summary>
    public Tensor Probabilities(Tensor key) => matmul(Query.DividedBy(Math.Sqrt(Query.shape[^1])), key.transpose(-1, -2)).softmax(-1);

    /// <summary>Parts channels into heads: <c>(B,M,C) -> (B,heads,M,C/heads)</c>, a view where the type stays.</summary>
    public Tensor SplitHeads(Tensor states)
    {
        Tensor typed = _upcast ? states.to_type(ScalarType.Float32) : states;
        return typed.unflatten(2, Heads, typed.shape[2] / Heads).transpose(1, 2);
    }

    /// <summary>Joins heads: <c>(B,heads,M,C/heads) -> (B,M,C)</c>.</summary>
    public Tensor MergeHeads(Tensor states) => states.transpose(1, 2).flatten(2);
}
