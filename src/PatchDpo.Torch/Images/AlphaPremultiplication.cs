namespace PatchDpo.Torch.Images;

/// <summary>Colour times alpha and back, rounded as Pillow's <c>RGBA -> RGBa -> RGBA</c> conversions round.</summary>
internal static class AlphaPremultiplication
{
    public static ImageBuffer Multiply(ImageBuffer rgba)
    {
        byte[] output = new byte[rgba.Pixels.Length];
        for (int i = 0; i < output.Length; i += 4)
        {
            int alpha = rgba.Pixels[i + 3];
            for (int c = 0; c < 3; c++)
            {
                int product = (rgba.Pixels[i + c] * alpha) + 128;
                output[i + c] = (byte)(((product >> 8) + product) >> 8);
            }

            output[i + 3] = (byte)alpha;
        }

        return new ImageBuffer(rgba.Width, rgba.Height, 4, output);
    }

    public static void DivideInPlace(Span<byte> pixels)
    {
        for (int i = 0; i < pixels.Length; i += 4)
        {
            int alpha = pixels[i + 3];
            if (alpha is 0 or 255)
                continue;
            for (int c = 0; c < 3; c++)
                pixels[i + c] = (byte)Math.Min(255 * pixels[i + c] / alpha, 255);
        }
    }
}
