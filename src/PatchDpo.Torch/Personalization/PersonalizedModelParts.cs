using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Text;
using PatchDpo.Torch.Vision;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>The frozen parts of a personalised model, shared by all models that differ in their adapter layers alone; freed with the last of them.</summary>
internal sealed class PersonalizedModelParts
{
    private int _references = 1;

    public required string FolderPath { get; init; }

    public required Device Device { get; init; }

    public required UNet2DConditionModel UNet { get; init; }

    public required AutoencoderKL Vae { get; init; }

    public required ClipTextEncoder TextEncoder { get; init; }

    public required ClipTextEncoder TextEncoder2 { get; init; }

    public required ClipTokenizer Tokenizer { get; init; }

    public required ClipTokenizer Tokenizer2 { get; init; }

    public required ClipVisionEncoder ImageEncoder { get; init; }

    public required IImagePreprocessor ImagePreprocessor { get; init; }

    /// <summary>From image-encoder states to image prompt tokens.</summary>
    public required nn.Module<Tensor, Tensor> Projection { get; init; }

    public required NoiseSchedule Schedule { get; init; }

    /// <summary>Side of the images that the UNet was trained for, in pixels.</summary>
    public required int ImageSize { get; init; }

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) > 0)
            return;
        foreach (IDisposable part in new IDisposable[] { UNet, Vae, TextEncoder, TextEncoder2, ImageEncoder, Projection })
            part.Dispose();
    }
}
