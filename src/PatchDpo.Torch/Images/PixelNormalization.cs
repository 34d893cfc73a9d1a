using System.Collections.ObjectModel;

namespace PatchDpo.Torch.Images;

/// <summary>The mean and standard deviation that a model's input is normalised with: <c>(pixel / 255 - mean) / std</c>, per channel.</summary>
public sealed class PixelNormalization
{
    /// <summary>Sets the constants.</summary>
    /// <param name="mean">Red, green, blue; of pixels in 0..1.</param>
    /// <param name="std">Red, green, blue; above 0.</param>
    /// <exception cref="ArgumentException">There are not three finite values, or a deviation is not above 0.</exception>
    public PixelNormalization(IReadOnlyList<double> mean, IReadOnlyList<double> std)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(std);
        if (mean.Count != 3 || !mean.All(double.IsFinite))
            throw new ArgumentException("Three finite means are needed.", nameof(mean));
        if (std.Count != 3 || !std.All(s => double.IsFinite(s) && s > 0))
            throw new ArgumentException("Three finite deviations above 0 are needed.", nameof(std));
        Mean = new ReadOnlyCollection<double>([.. mean]);
        Std = new ReadOnlyCollection<double>([.. std]);
    }

    /// <summary>ImageNet's constants, which DINO and DINOv2 use.</summary>
    public static PixelNormalization ImageNet { get; } = new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

    /// <summary>CLIP's constants (openai/CLIP clip.py; the same in Hugging Face's CLIPImageProcessor).</summary>
    public static PixelNormalization Clip { get; } = new([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]);

    /// <summary>Leaves pixels at 0..1, as ALIKE takes them.</summary>
    public static PixelNormalization ZeroToOne { get; } = new([0, 0, 0], [1, 1, 1]);

    /// <summary>Takes pixels to -1..1, as latent diffusion does.</summary>
    public static PixelNormalization MinusOneToOne { get; } = new([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);

    /// <summary>The means: red, green, blue.</summary>
    public ReadOnlyCollection<double> Mean { get; }

    /// <summary>The standard deviations: red, green, blue.</summary>
    public ReadOnlyCollection<double> Std { get; }
}
