using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PatchDpo.Torch.Clip;

/// <summary>CLIP's vision encoder, with or without the projection to the shared embedding space.</summary>
/// <remarks>
/// Source: transformers <c>modeling_clip.py</c>, classes CLIPVisionModel and CLIPVisionModelWithProjection; its state-dict keys.
/// </remarks>
public sealed class ClipVisionEncoder : Module<Tensor, ClipVisionOutput>, ITrainableVisionEncoder
{
    private readonly ClipVisionTransformer vision_model;
    private readonly Linear? visual_projection;

    /// <summary>Creates the encoder with fresh weights (the reference's initialisation).</summary>
    /// <param name="config">The encoder's shape.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself.</exception>
    public ClipVisionEncoder(ClipVisionConfig config, Device? device = null, ScalarType? dtype = null)
        : base(TorchRuntime.Initialized(nameof(ClipVisionEncoder)))
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
        vision_model = new ClipVisionTransformer(config, device, dtype);
        if (config.ProjectionDim is int dim)
        {
            visual_projection = Linear(config.HiddenSize, dim, false, device, dtype);
            ClipInit.Normal(visual_projection, Math.Pow(config.HiddenSize, -0.5));
        }
        RegisterComponents();
        this.DetachFromDisposeScope();
    }

    /// <summary>The encoder's shape.</summary>
    public ClipVisionConfig Config { get; }

    /// <summary>How an image becomes the input. Default: Hugging Face's CLIP processor at the configured image size.</summary>
    public IImagePreprocessor Preprocessor
    {
        get => field ??= new HfClipPreprocessor(Config.ImageSize, Config.ImageSize);
        init;
    }

    /// <inheritdoc/>
    public Device Device => vision_model.Anchor.AliveIn(this).device;

    /// <inheritdoc/>
    /// <remarks>The post norm and the projection are no part of them: patches do not pass through these.</remarks>
    public IReadOnlyList<IReadOnlyList<Parameter>> PatchParameters
    {
        get
        {
            vision_model.Anchor.AliveIn(this);
            (string name, Parameter parameter)[] all = [.. vision_model.named_parameters()];
            return [Named("embeddings.", "pre_layrnorm."), .. Enumerable.Range(0, Config.NumLayers).Select(i => Named($"encoder.layers.{i}."))];

            Parameter[] Named(params string[] prefixes)
                => [.. all.Where(p => prefixes.Any(x => p.name.StartsWith(x, StringComparison.Ordinal))).Select(p => p.parameter)];
        }
    }

    /// <summary>
    /// Reads <c>config.json</c> (Hugging Face's CLIPVisionConfig, or a whole model's CLIPConfig) and the weights, under Hugging Face's or OpenAI's
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
    public static ClipVisionEncoder FromFolder(string folder, Device? device = null, ScalarType? dtype = null)
    {
        ModelConfig json = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        ClipVisionConfig config = ClipVisionConfig.FromJson(json);
        using ITensorFile file = ModelFolder.OpenWeights(folder);
        config.CheckCounts(json, file);
        ITensorSource source = ClipKeyMap.Wrap(file);
        if (!source.Keys.Contains("visual_projection.weight"))
            config = config with { ProjectionDim = null };
        return ModelWeights.Fill(new ClipVisionEncoder(config, TorchRuntime.Meta), source, ClipKeyMap.IsOtherThan("vision"), device, dtype);
    }

    /// <summary>Encodes pixels, with gradients where they are on.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="Device"/>, <c>(B,3,S,S)</c> with S the configured image size.</param>
    /// <returns>Hidden states and embeddings that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The pixels have another shape.</exception>
    public override ClipVisionOutput forward(Tensor pixels)
    {
        vision_model.Anchor.AliveIn(this);
        PixelShape.CheckExact(pixels, Config.ImageSize);
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyList<Tensor> states = vision_model.HiddenStates(pixels);
        Tensor pooled = vision_model.Pool(states[^1]);
        return new ClipVisionOutput(
            states[^1].MoveToOuterDisposeScope(),
            states[^2].MoveToOuterDisposeScope(),
            pooled.MoveToOuterDisposeScope(),
            visual_projection?.call(pooled).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// The image embedding (B,P), or the pooled state (B,D) of an encoder without projection, and the last hidden state's patch
    /// tokens (B,g,g,D), to which the post norm is not applied (the reference norms the class token only); with gradients where they are on.
    /// </summary>
    /// <exception cref="ArgumentException">The pixels have another shape than <c>(B,3,S,S)</c>.</exception>
    public VisionFeatures ForwardFeatures(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        ClipVisionOutput output = call(pixels);
        int grid = Config.GridSize;
        Tensor patches = output.LastHiddenState.narrow(1, 1, (long)grid * grid).reshape(pixels.shape[0], grid, grid, -1);
        return new VisionFeatures((output.ImageEmbeds ?? output.Pooled).MoveToOuterDisposeScope(), patches.MoveToOuterDisposeScope());
    }

    /// <summary>As <see cref="ForwardFeatures"/>, without gradients.</summary>
    /// <param name="pixels">Normalised pixels on <see cref="Device"/>, <c>(B,3,S,S)</c>.</param>
    /// <returns>Features that the caller disposes.</returns>
    /// <exception cref="ArgumentException">The pixels have another shape than <c>(B,3,S,S)</c>.</exception>
    public VisionFeatures Encode(Tensor pixels)
    {
        using IDisposable noGrad = no_grad();
        return ForwardFeatures(pixels);
    }

    /// <summary>The last layer's input, class token first, without gradients: what IP-Adapter-Plus takes. <c>(B,3,S,S) -> (B,1+g*g,D)</c></summary>
    /// <exception cref="ArgumentException">The pixels have another shape than <c>(B,3,S,S)</c>.</exception>
    public Tensor PenultimateHiddenStates(Tensor pixels)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return call(pixels).PenultimateHiddenState.MoveToOuterDisposeScope();
    }

    /// <summary>The embeddings after the first norm and the output of every layer; the caller disposes them.</summary>
    internal IReadOnlyList<Tensor> HiddenStates(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        return [.. vision_model.HiddenStates(pixels).Select(s => s.MoveToOuterDisposeScope())];
    }
}
