using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>Several subjects, each seen by the cells of its box alone; the background sees the text alone.</summary>
/// <remarks>
/// MS-Diffusion, attention_processor.py, MaskedIPAttnProcessor2_0: y + scale * softmax(q k^T / sqrt(d) + mask) v over all subjects' tokens at once, 0 at cells
/// that no box covers. The reference's dummy tokens are seen by those cells alone, so that they never matter: they are left out here. A subject's own scale
/// is its values' factor, which is the same as its probabilities'. Boxes are float32 here (the reference rounds them to float16, which can move an
/// edge on a line of the grid by a cell), and the grid may have any shape.
/// </remarks>
internal sealed class MsDiffusionAttention : IImagePromptBranch, IDisposable
{
    private const double Hidden = -10_000;
    private const double RangeEps = 1e-5;

    private readonly MsDiffusionLayers _layers;
    private readonly bool _isSilent, _keeps;
    private readonly AutomaticLayout _layout;

    // (B,n*N,C); of each token's values (B,n*N,1); (B,n,4); (B,n,2) or null; which subjects are laid out automatically, (B,n,1), or null for none.
    private readonly Tensor _tokens, _factors, _boxes;
    private readonly Tensor? _phrases, _automatic;
    private readonly long _tokensEach;
    private readonly Dictionary<(long Height, long Width), (Tensor Bias, Tensor Foreground)> _masks = [];
    private readonly Dictionary<int, (Tensor Sum, int Calls)> _maps = [];

    /// <summary>Makes the branch in the current dispose scope; what it keeps from call to call it frees when it is disposed.</summary>
    /// <param name="layers">Keys and values.</param>
    /// <param name="prompt">As <see cref="MsDiffusionPromptEncoder"/> makes it.</param>
    /// <param name="settings">Weight, type and layout.</param>
    public MsDiffusionAttention(MsDiffusionLayers layers, ImagePrompt prompt, BranchSettings settings)
    {
        (_layers, _keeps) = (layers, settings.Keeps);
        _layout = settings.Layout ?? new AutomaticLayout();
        Tensor tokens = prompt[MsDiffusionPromptEncoder.Tokens], scales = prompt[MsDiffusionPromptEncoder.Scales];
        _tokensEach = tokens.shape[2];
        _tokens = tokens.flatten(1, 2).to(settings.DType);
        _boxes = prompt[MsDiffusionPromptEncoder.Boxes];
        using Tensor own = scales.LessThan(0);
        _factors = scales.MaskedFilled(own, settings.Scale).repeat_interleave(_tokensEach, 1).unsqueeze(2);
        _isSilent = settings.Scale == 0 && own.all().item<bool>();
        if (!settings.Keeps || !prompt.Names.Contains(MsDiffusionPromptEncoder.Phrases))
            return;
        _phrases = prompt[MsDiffusionPromptEncoder.Phrases];
        Tensor named = _phrases.select(2, 1).GreaterThan(0);
        Tensor chosen = settings.Layout is not null ? named.ones_like() : named.logical_and(_boxes.EqualTo(0).all(2));
        if (chosen.any().item<bool>())
            _automatic = chosen.unsqueeze(2);
    }

    /// <inheritdoc/>
    public void Check(long batch)
    {
        if (_tokens.dim() != 3 || _tokens.shape[0] != batch)
            throw new ArgumentException($"The image prompt's tokens are ({string.Join(',', _tokens.shape)}); ({batch},n*N,C) is expected.", "imagePrompt");
    }

    /// <inheritdoc/>
    public Tensor Attend(CrossAttentionCall layer)
    {
        Tensor text = layer.AttendToText();
        if (_isSilent)
            return text;
        (Tensor bias, Tensor foreground) = Masks(layer);
        (Tensor key, Tensor value) = _layers.KeyValue(layer.LayerIndex, _tokens);
        Tensor image = layer.Attend(
            layer.SplitHeads(key), layer.SplitHeads(value.Times(_factors.to(value.dtype))), bias.unsqueeze(1).to(layer.Query.dtype));
        return text.Plus(image.Times(foreground.unsqueeze(1).to(image.dtype)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((Tensor bias, Tensor foreground) in _masks.Values)
        {
            bias.Dispose();
            foreground.Dispose();
        }
        foreach ((Tensor sum, _) in _maps.Values)
            sum.Dispose();
        _masks.Clear();
        _maps.Clear();
    }

    /// <summary>Which cells each subject's box covers: those that it touches. <c>(B,n,4) -> (B,n,H*W)</c>, bools, row by row.</summary>
    internal static Tensor Covered(Tensor boxes, long height, long width)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Inside(int first, int last, long cells)
        {
            Tensor places = TensorArithmetic.Range(cells, ScalarType.Float32, boxes.device);
            return places.ge(boxes.select(2, first).unsqueeze(2).Times(cells).floor())
                .logical_and(places.less(boxes.select(2, last).unsqueeze(2).Times(cells).ceil()));
        }
        return Inside(1, 3, height).unsqueeze(3).logical_and(Inside(0, 2, width).unsqueeze(2)).flatten(2).MoveToOuterDisposeScope();
    }

    /// <summary>What is added to the scores, and where there is a subject: <c>(B,n,P) -> (B,P,n*N), (B,P,1)</c>.</summary>
    /// <param name="covered">Which cells see a subject, bools.</param>
    /// <param name="tokensEach">N, a subject's tokens.</param>
    internal static (Tensor Bias, Tensor Foreground) Mask(Tensor covered, long tokensEach)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor seen = covered.transpose(1, 2).to(ScalarType.Float32);
        Tensor bias = seen.SubtractedFrom(1).Times(Hidden).repeat_interleave(tokensEach, 2);
        return (bias.MoveToOuterDisposeScope(), covered.any(1).to(ScalarType.Float32).unsqueeze(2).MoveToOuterDisposeScope());
    }

    /// <summary>How much each cell attends to a phrase's words, on average over heads and words: <c>(B,n,P)</c>; 0 for a phrase without words.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="phrases">The words' places in the prompt, from and up to: <c>(B,n,2)</c>.</param>
    internal static Tensor PhraseMaps(CrossAttentionCall layer, Tensor phrases)
    {
        // Made in the layer's scope, which keeps it.
        Tensor text = layer.TextKey;
        using DisposeScope scope = NewDisposeScope();
        Tensor attention = layer.Probabilities(text).mean([1]).to(ScalarType.Float32);
        Tensor words = TensorArithmetic.Range(attention.shape[2], device: phrases.device);
        Tensor chosen = words.ge(phrases.select(2, 0).unsqueeze(2)).logical_and(words.less(phrases.select(2, 1).unsqueeze(2))).to(ScalarType.Float32);
        Tensor weights = chosen.DividedBy(chosen.sum(2, keepdim: true).AtLeast(1));
        return matmul(weights, attention.transpose(1, 2)).MoveToOuterDisposeScope();
    }

    /// <summary>Maps brought to 0..1, each by itself: <c>(B,n,P) -> (B,n,P)</c>.</summary>
    internal static Tensor Normalized(Tensor maps)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor low = maps.amin([2L], keepdim: true), high = maps.amax([2L], keepdim: true);
        return maps.Minus(low).DividedBy(high.Minus(low).Plus(RangeEps)).MoveToOuterDisposeScope();
    }

    private (Tensor Bias, Tensor Foreground) Masks(CrossAttentionCall layer)
    {
        using IDisposable noGrad = no_grad();
        if (_automatic is not null && Laid(layer) is Tensor found)
        {
            using Tensor covered = where(_automatic, found, Covered(_boxes, layer.Height, layer.Width));
            return Mask(covered, _tokensEach);
        }
        if (!_masks.TryGetValue((layer.Height, layer.Width), out (Tensor Bias, Tensor Foreground) masks))
        {
            using Tensor covered = Covered(_boxes, layer.Height, layer.Width);
            masks = Mask(covered, _tokensEach);
            if (!_keeps)
                return masks;
            masks = (masks.Bias.DetachFromDisposeScope(), masks.Foreground.DetachFromDisposeScope());
            _masks.Add((layer.Height, layer.Width), masks);
        }
        return masks;
    }

    // Which cells are a phrase's by all calls of this layer so far, (B,n,P); null before the layout starts.
    private Tensor? Laid(CrossAttentionCall layer)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = PhraseMaps(layer, _phrases!);
        int calls = 1;
        if (_maps.Remove(layer.LayerIndex, out (Tensor Sum, int Calls) before))
        {
            (sum, calls) = (before.Sum.Plus(sum), before.Calls + 1);
            before.Sum.Dispose();
        }
        _maps.Add(layer.LayerIndex, (sum.DetachFromDisposeScope(), calls));
        return calls < _layout.StartStep ? null : Normalized(sum.DividedBy(calls)).GreaterThan(_layout.Threshold).MoveToOuterDisposeScope();
    }
}
