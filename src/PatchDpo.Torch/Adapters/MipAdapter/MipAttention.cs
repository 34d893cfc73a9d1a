using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MipAdapter;

/// <summary>Several objects that are each attended to apart, weighed by where the words of their names lie in the picture, behind one gate.</summary>
/// <remarks>
/// MIP-Adapter, attention_processor_multi.py: y + scale * g * sum_j a_j z_j, where y is what is attended to in the text, z_j in object j's tokens, a_j the
/// map of object j's name (no gradient flows through it), g the gate of y. The reference's grid must be square; here it may have any shape, because the
/// maps are never read as a picture.
/// </remarks>
internal sealed class MipAttention : IImagePromptBranch
{
    private readonly MipAdapterLayers _layers;
    private readonly double _scale;

    // (B,n,N,C), (B,n*L,Ctext), (B,n,1,L).
    private readonly Tensor _tokens, _names, _rowWeights;

    /// <summary>Makes the branch in the current dispose scope.</summary>
    /// <param name="layers">Keys, values and gates.</param>
    /// <param name="prompt">As <see cref="MipAdapterPromptEncoder"/> makes it.</param>
    /// <param name="settings">Weight and type.</param>
    public MipAttention(MipAdapterLayers layers, ImagePrompt prompt, BranchSettings settings)
    {
        (_layers, _scale) = (layers, settings.Scale);
        _tokens = prompt[MipAdapterPromptEncoder.Tokens].to(settings.DType);
        Tensor lengths = prompt[MipAdapterPromptEncoder.Lengths];
        // The rows of a name's own words: those after the start.
        long longest = lengths.max().item<long>();
        _names = prompt[MipAdapterPromptEncoder.Names].narrow(2, 1, longest).to(settings.DType).flatten(1, 2);
        Tensor rows = TensorArithmetic.Range(longest, device: lengths.device).less(lengths.unsqueeze(2)).to(ScalarType.Float32);
        _rowWeights = rows.DividedBy(rows.sum(2, keepdim: true)).unsqueeze(2);
    }

    /// <inheritdoc/>
    public void Check(long batch)
    {
        if (_tokens.dim() != 4 || _tokens.shape[0] != batch)
            throw new ArgumentException($"The image prompt's tokens are ({string.Join(',', _tokens.shape)}); ({batch},n,N,C) is expected.", "imagePrompt");
    }

    /// <inheritdoc/>
    public Tensor Attend(CrossAttentionCall layer)
    {
        Tensor text = layer.AttendToText();
        if (_scale == 0)
            return text;
        MipAdapterLayer weights = _layers[layer.LayerIndex];
        long objects = _tokens.shape[1];
        // With one object its map is 1 everywhere.
        Tensor? maps = objects > 1 ? ObjectMaps(layer).to(text.dtype) : null;
        Tensor? merged = null;
        for (long j = 0; j < objects; j++)
        {
            (Tensor key, Tensor value) = weights.call(_tokens.select(1, j));
            Tensor attended = layer.Attend(layer.SplitHeads(key), layer.SplitHeads(value));
            if (maps is not null)
                attended = attended.Times(maps.select(1, j).unsqueeze(1).unsqueeze(3));
            merged = merged is null ? attended : merged.Plus(attended);
        }
        Tensor gate = weights.Gate(layer.MergeHeads(text)).unsqueeze(1);
        return text.PlusScaled(merged!.Times(gate), _scale);
    }

    /// <summary>Where the cells' queries lie for each row of a text: softmax over the cells of k_text q^T / sqrt(C/heads). <c>(B,M,Ctext) -> (B,heads,M,P)</c></summary>
    internal static Tensor WordMaps(CrossAttentionCall layer, Tensor states)
    {
        Tensor query = layer.Query;
        return matmul(layer.ProjectKey(states), query.transpose(-1, -2)).to(ScalarType.Float32).DividedBy(Math.Sqrt(query.shape[^1])).softmax(-1);
    }

    // The maps of the objects' names, 1 in all at each cell: (B,n,P).
    private Tensor ObjectMaps(CrossAttentionCall layer)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor words = WordMaps(layer, _names).mean([1]).unflatten(1, _rowWeights.shape[1], _rowWeights.shape[3]);
        Tensor maps = matmul(_rowWeights, words).squeeze(2);
        return maps.DividedBy(maps.sum(1, keepdim: true)).MoveToOuterDisposeScope();
    }
}
