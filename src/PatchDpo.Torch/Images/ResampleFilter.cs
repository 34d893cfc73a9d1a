namespace PatchDpo.Torch.Images;

/// <summary>The resampling filters of Pillow that the reference code uses.</summary>
public enum ResampleFilter
{
    /// <summary>The nearest source pixel; no antialiasing.</summary>
    Nearest,

    /// <summary>Mean over the covered area (support 0.5).</summary>
    Box,

    /// <summary>Triangle (support 1).</summary>
    Bilinear,

    /// <summary>Cubic convolution with a = -0.5 (support 2).</summary>
    Bicubic,

    /// <summary>Windowed sinc (support 3).</summary>
    Lanczos,
}
