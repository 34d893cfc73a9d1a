using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>The frozen parts of a personalised model, shared by all models that differ in their adapter layers alone; freed with the last of them.</summary>
internal sealed class PersonalizedModelParts
{
    private int _references = 1;

    public required string FolderPath { get; init; }

    /// <summary>How it was loaded.</summary>
    public required PersonalizedModelOptions Options { get; init; }

    public required Device Device { get; init; }

    /// <summary>The type of all weights but those of autoencoder and adapter layers, which are float32.</summary>
    public required ScalarType DType { get; init; }

    public required UNet2DConditionModel UNet { get; init; }

    public required AutoencoderKL Vae { get; init; }

    public required ITextConditioning Text { get; init; }

    public required AdapterFamily AdapterFamily { get; init; }

    /// <summary>The frozen part of the adapter.</summary>
    public required ImagePromptEncoder References { get; init; }

    public required NoiseSchedule Schedule { get; init; }

    /// <summary>Side of the images that the UNet was trained for, in pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Frees what encodes images and prompts.</summary>
    public void ReleaseEncoders()
    {
        Vae.Dispose();
        Text.Dispose();
        References.ReleaseImageEncoder();
    }

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) > 0)
            return;
        foreach (IDisposable part in new IDisposable[] { UNet, Vae, Text, References })
            part.Dispose();
    }
}
