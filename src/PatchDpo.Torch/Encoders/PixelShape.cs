using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Checks of an encoder's input.</summary>
internal static class PixelShape
{
    /// <summary>Takes (B,3,H,W) with both sides of at least <paramref name="minimum"/> pixels.</summary>
    /// <exception cref="ArgumentException">Another shape.</exception>
    public static void Check(Tensor pixels, int minimum)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        long[] s = pixels.shape;
        if (s.Length != 4 || s[1] != 3 || s[2] < minimum || s[3] < minimum)
            throw new ArgumentException($"The pixels must have the shape (B,3,H,W) with H and W of at least {minimum}, not ({string.Join(',', s)}).",
                nameof(pixels));
    }

    /// <summary>Takes (B,3,size,size).</summary>
    /// <exception cref="ArgumentException">Another shape.</exception>
    public static void CheckExact(Tensor pixels, int size)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        long[] s = pixels.shape;
        if (s.Length != 4 || s[1] != 3 || s[2] != size || s[3] != size)
            throw new ArgumentException($"The pixels must have the shape (B,3,{size},{size}), not ({string.Join(',', s)}).", nameof(pixels));
    }

    /// <summary>Takes (B,3,H,W) with both sides multiples of a patch.</summary>
    /// <exception cref="ArgumentException">Another shape.</exception>
    public static void CheckMultiple(Tensor pixels, int patch)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        long[] s = pixels.shape;
        if (s.Length != 4 || s[1] != 3 || s[2] < patch || s[3] < patch || s[2] % patch != 0 || s[3] % patch != 0)
            throw new ArgumentException($"The pixels must have the shape (B,3,H,W) with H and W multiples of {patch}, not ({string.Join(',', s)}).",
                nameof(pixels));
    }
}
