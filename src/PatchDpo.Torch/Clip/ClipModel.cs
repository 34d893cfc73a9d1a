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

/// <summary>A whole CLIP model: images and texts in one embedding space. <c>(B,3,S,S), int64 (C,T) -> (B,C)</c></summary>
/// <remarks>Source: transformers <c>modeling_clip.py</c>, class CLIPModel, and openai/CLIP <c>model.py</c>; Hugging Face's state-dict keys.</remarks>
public sealed class ClipModel : Module<Tensor, Tensor, Tensor>, IImageTextEncoder
{
    // ln(1 / 0.07): openai/CLIP's initial temperature.
    private const double InitialLogitScale = 2.659260036932778;

    private readonly Parameter logit_scale;

    /// <summary>Creates the model with fresh weights (the reference's initialisation).</summary>
    /// <param name="text">The text encoder's shape.</param>
    /// <param name="vision">The vision encoder's shape; its projection is as wide as the text encoder's.</param>
    /// <param name="tokenizer">Its ids fit the text encoder.</param>
    /// <param name="device">Where the weights live; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <exception cref="ArgumentException">A projection is missing, or the parts do not fit together.</exception>
    public ClipModel(ClipTextConfig text, ClipVisionConfig vision, ClipTokenizer tokenizer, Device? device = null, ScalarType? dtype = null)
        : base(TorchRuntime.Initialized(nameof(ClipModel)))
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(vision);
        ArgumentNullException.ThrowIfNull(tokenizer);
        CheckFit(text, vision, tokenizer);
        Tokenizer = tokenizer;
        TextEncoder = new ClipTextEncoder(text, device, dtype);
        VisionEncoder = new ClipVisionEncoder(vision, device, dtype);
        logit_scale = new Parameter(TensorArithmetic.Filled([], InitialLogitScale, dtype, device));
        // By hand, not RegisterComponents: the reference has the towers' parts on one level.
        register_parameter(nameof(logit_scale), logit_scale);
        foreach ((string name, Module part) in TextEncoder.named_children().Concat(VisionEncoder.named_children()))
            register_module(name, part);
        this.DetachFromDisposeScope();
    }

    /// <summary>The text encoder; it shares this model's weights, and is disposed with it.</summary>
    public ClipTextEncoder TextEncoder { get; }

    /// <summary>The vision encoder; it shares this model's weights, and is disposed with it.</summary>
    public ClipVisionEncoder VisionEncoder { get; }

    /// <summary>Turns texts into ids.</summary>
    public ClipTokenizer Tokenizer { get; }

    /// <summary>How an image becomes the input. Default: OpenAI's preprocessing at the configured image size.</summary>
    public IImagePreprocessor Preprocessor
    {
        get => field ??= new ClipPreprocessor(VisionEncoder.Config.ImageSize);
        init;
    }

    /// <summary>The device that the weights are on.</summary>
    public Device Device => logit_scale.AliveIn(this).device;

    /// <summary>The logarithm of the factor on cosines in <see cref="forward"/>, a scalar.</summary>
    public Parameter LogitScale => logit_scale.AliveIn(this);

    /// <summary>
    /// Reads a CLIP model's folder: <c>config.json</c> (CLIPConfig), the tokenizer's files and the weights, under Hugging Face's or OpenAI's names.
    /// </summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32.</param>
    /// <param name="preprocessor">How an image becomes the input; default: see <see cref="Preprocessor"/>.</param>
    /// <returns>The model, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">A configuration is malformed, or the tokenizer does not fit the text encoder.</exception>
    /// <exception cref="WeightsFormatException">A file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static ClipModel FromFolder(string folder, Device? device = null, ScalarType? dtype = null, IImagePreprocessor? preprocessor = null)
    {
        ModelConfig json = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        ClipTextConfig text = ClipTextConfig.FromJson(json);
        ClipVisionConfig vision = ClipVisionConfig.FromJson(json);
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(folder);
        tokenizer.CheckIds(text);
        try
        {
            CheckFit(text, vision, tokenizer);
        }
        catch (ArgumentException e)
        {
            throw new ModelConfigException(json.Source, "text_config", e.Message, e);
        }
        using ITensorFile file = ModelFolder.OpenWeights(folder);
        text.CheckCounts(json, file);
        vision.CheckCounts(json, file);
        ClipModel model = new(text, vision, tokenizer, TorchRuntime.Meta) { Preprocessor = preprocessor! };
        return ModelWeights.Fill(model, ClipKeyMap.Wrap(file), ClipKeyMap.IsBuffer, device, dtype);
    }

    /// <summary>The scaled cosines of every image with every text (<c>logits_per_image</c>), with gradients where they are on.</summary>
    /// <param name="pixels">Normalised pixels, <c>(B,3,S,S)</c>.</param>
    /// <param name="ids">Token ids, int64 <c>(C,T)</c>.</param>
    /// <returns><c>(B,C)</c>; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">An input has another shape.</exception>
    public override Tensor forward(Tensor pixels, Tensor ids)
    {
        using DisposeScope scope = NewDisposeScope();
        logit_scale.AliveIn(this);
        Tensor images = functional.normalize(VisionEncoder.call(pixels).ImageEmbeds!, dim: -1);
        Tensor texts = functional.normalize(TextEncoder.call(ids).TextEmbeds!, dim: -1);
        return (logit_scale.exp() * images.matmul(texts.t())).MoveToOuterDisposeScope();
    }

    /// <summary>Image embeddings, not normalised, without gradients. <c>(B,3,S,S) -> (B,P)</c></summary>
    /// <exception cref="ArgumentException">The pixels have another shape.</exception>
    public Tensor EncodeImages(Tensor pixels)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        logit_scale.AliveIn(this);
        return VisionEncoder.call(pixels).ImageEmbeds!.MoveToOuterDisposeScope();
    }

    /// <summary>Text embeddings, not normalised, without gradients. B texts -> <c>(B,P)</c></summary>
    public Tensor EncodeTexts(IReadOnlyList<string> texts)
    {
        logit_scale.AliveIn(this);
        using DisposeScope scope = NewDisposeScope();
        return EncodeTexts(Tokenizer.EncodeBatch(texts).to(Device)).MoveToOuterDisposeScope();
    }

    /// <summary>Text embeddings, not normalised, without gradients. int64 <c>(B,T) -> (B,P)</c></summary>
    /// <exception cref="ArgumentException">The ids have another shape.</exception>
    public Tensor EncodeTexts(Tensor ids)
    {
        using DisposeScope scope = NewDisposeScope();
        logit_scale.AliveIn(this);
        return TextEncoder.Encode(ids).TextEmbeds!.MoveToOuterDisposeScope();
    }

    private static void CheckFit(ClipTextConfig text, ClipVisionConfig vision, ClipTokenizer tokenizer)
    {
        if (text.ProjectionDim is null || text.ProjectionDim != vision.ProjectionDim)
            throw new ArgumentException($"Both encoders need a projection of the same width, not {text.ProjectionDim?.ToString() ?? "none"} (text) and "
                + $"{vision.ProjectionDim?.ToString() ?? "none"} (vision).");
        if (tokenizer.MaxLength > text.MaxPositions || tokenizer.LargestToken.Id >= text.VocabularySize)
            throw new ArgumentException($"The tokenizer gives {tokenizer.MaxLength} ids of up to {tokenizer.LargestToken.Id}; the text encoder takes "
                + $"{text.MaxPositions} of up to {text.VocabularySize - 1}.", nameof(tokenizer));
    }

    /// <inheritdoc/>
    public IReadOnlyList<TruncatedPrompt> FindTruncated(IReadOnlyList<string> texts)
    {
        logit_scale.AliveIn(this);
        return Tokenizer.FindTruncated(texts);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            TextEncoder.Dispose();
            VisionEncoder.Dispose();
        }
        base.Dispose(disposing);
    }
}
