using System.Text.Json.Nodes;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>
/// A kind of image encoder: how it is known in a folder and in a lone file of weights, opened, and written. A new one is a class and a registration.
/// </summary>
internal abstract class EncoderKind
{
    /// <summary>What <c>config.json</c> calls it in <c>model_type</c> or <c>architectures</c>; none for kinds whose weights tell all.</summary>
    public virtual IReadOnlyList<string> ModelTypes => [];

    /// <summary>How a message names the kinds of <see cref="ModelTypes"/>; null where there are none.</summary>
    public virtual string? ModelTypeHint => null;

    /// <summary>Tensors that only this kind has, with what they tell for messages; the first that a file has is taken.</summary>
    public abstract IReadOnlyList<(string Key, string Meaning)> Anchors { get; }

    /// <summary>This kind's state dict in a file of weights, and the anchor that the file has; null where it has none.</summary>
    /// <exception cref="UnknownModelException">The file holds several such models, or is nearly one.</exception>
    public virtual (ITensorSource State, string Anchor)? Find(ITensorSource file)
    {
        foreach ((string anchor, _) in Anchors)
            if (StateDictPrefix.Find(file, anchor) is ITensorSource state)
                return (state, anchor);
        return null;
    }

    /// <summary>Opens the encoder in a folder whose configuration has one of <see cref="ModelTypes"/>, set to evaluation.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="modelType">Which of them.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="device">Where the weights go; the CPU by default.</param>
    /// <param name="dtype">Their type; float32 by default.</param>
    /// <param name="options">How it is used.</param>
    /// <exception cref="ArgumentException">The options do not fit the encoder.</exception>
    public virtual IVisionEncoder FromFolder(
        string folder, string modelType, ModelConfig config, Device? device, ScalarType? dtype, VisionEncoderOptions options)
        => throw new NotSupportedException("Weights alone tell what this encoder is.");

    /// <summary>Opens the encoder that a file of weights holds, set to evaluation.</summary>
    /// <param name="state">The weights, without what stands before the anchor.</param>
    /// <param name="anchor">The anchor that the file has.</param>
    /// <param name="device">Where the weights go; the CPU by default.</param>
    /// <param name="dtype">Their type; float32 by default.</param>
    /// <param name="options">How it is used.</param>
    /// <exception cref="UnknownModelException">More than weights is needed to open it.</exception>
    /// <exception cref="StateDictMismatchException">Tensors are missing, unexpected or of another shape.</exception>
    /// <exception cref="ArgumentException">The options do not fit the encoder.</exception>
    public abstract IVisionEncoder FromState(ITensorSource state, string anchor, Device? device, ScalarType? dtype, VisionEncoderOptions options);

    /// <summary>Whether an encoder is of this kind.</summary>
    public abstract bool Owns(IVisionEncoder encoder);

    /// <summary>An encoder's configuration under transformers' names; null for kinds whose weights tell all.</summary>
    public virtual JsonObject? Describe(IVisionEncoder encoder) => null;
}
