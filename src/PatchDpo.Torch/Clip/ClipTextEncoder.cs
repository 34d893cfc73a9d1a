using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>CLIP's text encoder, with or without the projection to the shared embedding space.</summary>
/// <remarks>
/// Source: transformers <c>modeling_clip.py</c>, classes CLIPTextModel and CLIPTextModelWithProjection; its state-dict keys.
/// Attention is causal and knows no padding mask: padded positions are computed like any other, as the reference does.
/// </remarks>
public sealed class ClipTextEncoder : Module<Tensor, ClipTextOutput>
{
    private readonly ClipTextTransformer text_model;
    private readonly Linear? text_projection;

    /// <summary>Creates the encoder with fresh weights (the reference's initialisation).</summary>
    /// <param name="config">The encoder's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself.</exception>
    public ClipTextEncoder(ClipTextConfig config, Device? device = null, ScalarType? dtype = null) : base(TorchRuntime.Initialized(nameof(ClipTextEncoder)))
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
        text_model = new ClipTextTransformer(config, device, dtype);
        if (config.ProjectionDim is int dim)
        {
            text_projection = Linear(config.HiddenSize, dim, false, device, dtype);
            ClipInit.Normal(text_projection, Math.Pow(config.HiddenSize, -0.5));
        }
        RegisterComponents();
        this.DetachFromDisposeScope();
    }

    /// <summary>The encoder's shape.</summary>
    public ClipTextConfig Config { get; }

    /// <summary>The device that the weights are on.</summary>
    public Device Device => text_model.Anchor.AliveIn(this).device;

    /// <summary>
    /// Reads <c>config.json</c> (Hugging Face's CLIPTextConfig, or a whole model's CLIPConfig) and the weights, under Hugging Face's or OpenAI's
    /// names.
    /// </summary>
    /// <remarks>The encoder has a projection where the weights have one. A whole model's other tower is left out.</remarks>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <returns>The encoder, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is malformed.</exception>
    /// <exception cref="WeightsFormatException">A weight file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static ClipTextEncoder FromFolder(string folder, Device? device = null, ScalarType? dtype = null)
    {
        ModelConfig json = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        ClipTextConfig config = ClipTextConfig.FromJson(json);
        using ITensorFile file = ModelFolder.OpenWeights(folder);
        config.CheckCounts(json, file);
        ITensorSource source = ClipKeyMap.Wrap(file);
        if (!source.Keys.Contains("text_projection.weight"))
            config = config with { ProjectionDim = null };
        return ModelWeights.Fill(new ClipTextEncoder(config, TorchRuntime.Meta), source, ClipKeyMap.IsOtherThan("text"), device, dtype);
    }

    /// <summary>Encodes token ids, without gradients.</summary>
    /// <param name="ids">int64 <c>(B,T)</c> on <see cref="Device"/>, T at most <see cref="ClipTextConfig.MaxPositions"/>.</param>
    /// <returns>Hidden states and pooled text that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The ids have another shape, or are too many.</exception>
    public ClipTextOutput Encode(Tensor ids)
    {
        using IDisposable noGrad = no_grad();
        return call(ids);
    }

    /// <summary>The same with words in the place of a token; with gradients where they are on.</summary>
    /// <remarks>Pooling goes by the ids, so that the pooled state is not that of an end token which the words have moved.</remarks>
    internal ClipTextOutput Forward(Tensor ids, WordInjection? injection)
    {
        text_model.Anchor.AliveIn(this);
        ArgumentNullException.ThrowIfNull(ids);
        if (ids.shape.Length != 2 || ids.shape[1] < 1 || ids.shape[1] > Config.MaxPositions)
            throw new ArgumentException($"The token ids must have the shape (B,T) with T of 1 to {Config.MaxPositions}, not "
                + $"({string.Join(',', ids.shape)}).", nameof(ids));

        using DisposeScope scope = NewDisposeScope();
        IReadOnlyList<Tensor> states = text_model.HiddenStates(ids, injection);
        Tensor last = text_model.Normalize(states[^1]);
        Tensor pooled = last[TensorArithmetic.Range(ids.shape[0], device: ids.device), EndPositions(ids)];
        return new ClipTextOutput(
            last.MoveToOuterDisposeScope(),
            states[^2].MoveToOuterDisposeScope(),
            pooled.MoveToOuterDisposeScope(),
            text_projection?.call(pooled).MoveToOuterDisposeScope());
    }

    /// <summary>Encodes token ids, with gradients where they are on; see <see cref="Encode"/>.</summary>
    /// <exception cref="ArgumentException">The ids have another shape, or are too many.</exception>
    public override ClipTextOutput forward(Tensor ids) => Forward(ids, null);

    /// <summary>The embeddings and the output of every layer, without the final norm; the caller disposes them.</summary>
    internal IReadOnlyList<Tensor> HiddenStates(Tensor ids)
    {
        using DisposeScope scope = NewDisposeScope();
        return [.. text_model.HiddenStates(ids).Select(s => s.MoveToOuterDisposeScope())];
    }

    /// <summary>Where each sequence is pooled, int64 <c>(B)</c>; argmax takes the first of equals.</summary>
    private Tensor EndPositions(Tensor ids)
        => Config.PoolsAtLargestId ? ids.argmax(-1) : ids.EqualTo(Config.EosTokenId).to(ScalarType.Int32).argmax(-1);
}
