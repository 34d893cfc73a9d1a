using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PatchDpo.Torch.Images;

/// <summary>Copies of blocks of pixels.</summary>
internal static class PixelBlock
{
    /// <summary>The first three bytes of every four: RGBA without its alpha.</summary>
    public static byte[] WithoutFourth(ReadOnlySpan<byte> pixels)
    {
        byte[] output = GC.AllocateUninitializedArray<byte>(pixels.Length / 4 * 3);
        Vector128<byte> kept = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255);
        int source = 0, target = 0;
        // Four pixels at once, whose last four bytes the next ones write over.
        for (; target + Vector128<byte>.Count <= output.Length; source += Vector128<byte>.Count, target += 12)
            Vector128.Shuffle(Vector128.LoadUnsafe(in MemoryMarshal.GetReference(pixels), (nuint)source), kept).CopyTo(output, target);
        for (; target < output.Length; source += 4, target += 3)
            pixels.Slice(source, 3).CopyTo(output.AsSpan(target));
        return output;
    }

    /// <summary>
    /// Copies the part of <paramref name="image"/> that the window at (<paramref name="x"/>, <paramref name="y"/>) covers; the rest of
    /// <paramref name="output"/> keeps what it holds.
    /// </summary>
    public static void Copy(ImageBuffer image, int x, int y, Span<byte> output, int width, int height)
    {
        int left = Math.Max(0, x);
        int right = (int)Math.Min(image.Width, (long)x + width);
        int top = Math.Max(0, y);
        int bottom = (int)Math.Min(image.Height, (long)y + height);
        if (right <= left)
            return;
        int length = (right - left) * image.Channels;
        for (int row = top; row < bottom; row++)
        {
            int source = ((row * image.Width) + left) * image.Channels;
            int target = (((row - y) * width) + left - x) * image.Channels;
            image.Pixels.AsSpan(source, length).CopyTo(output[target..]);
        }
    }
}
