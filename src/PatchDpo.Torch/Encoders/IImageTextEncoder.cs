using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>A model with one embedding space for images and texts, such as CLIP.</summary>
public interface IImageTextEncoder
{
    /// <summary>How an image becomes the model's input.</summary>
    IImagePreprocessor Preprocessor { get; }

    /// <summary>The device that the weights are on.</summary>
    Device Device { get; }

    /// <summary>Image embeddings. <c>(B,3,H,W) -> (B,D)</c>, not normalised; the caller disposes them.</summary>
    Tensor EncodeImages(Tensor pixels);

    /// <summary>Text embeddings, <c>(B,D)</c>, not normalised; the caller disposes them.</summary>
    Tensor EncodeTexts(IReadOnlyList<string> texts);

    /// <summary>Which of the texts are longer than the model takes, and what it leaves out of them. By default none.</summary>
    IReadOnlyList<TruncatedPrompt> FindTruncated(IReadOnlyList<string> texts) => [];
}
