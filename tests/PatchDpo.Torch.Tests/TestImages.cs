using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests;

/// <summary>Images drawn by a function.</summary>
internal static class TestImages
{
    /// <summary>An RGB image whose pixel at column x, row y has the colour that the function gives.</summary>
    public static ImageBuffer Create(int width, int height, Func<int, int, (int R, int G, int B)> colour)
    {
        byte[] pixels = new byte[width * height * 3];
        for (int i = 0; i < width * height; i++)
            (pixels[i * 3], pixels[(i * 3) + 1], pixels[(i * 3) + 2]) = colour(i % width, i / width) is var (r, g, b) ? ((byte)r, (byte)g, (byte)b) : default;
        return new ImageBuffer(width, height, 3, pixels);
    }

    /// <summary>A pixel of an RGB image.</summary>
    public static (int R, int G, int B) Pixel(ImageBuffer image, int x, int y)
    {
        ReadOnlySpan<byte> pixel = image.Pixels.AsSpan(((y * image.Width) + x) * 3, 3);
        return (pixel[0], pixel[1], pixel[2]);
    }

    /// <summary>An RGB image of seeded noise in blocks, so that every block looks different.</summary>
    public static ImageBuffer Blocks(int seed, int width, int height, int block)
    {
        int columns = (width + block - 1) / block;
        Random random = new(seed);
        (int, int, int)[] colours = Enumerable.Range(0, columns * ((height + block - 1) / block))
            .Select(_ => (random.Next(256), random.Next(256), random.Next(256))).ToArray();
        return Create(width, height, (x, y) => colours[(y / block * columns) + (x / block)]);
    }
}
