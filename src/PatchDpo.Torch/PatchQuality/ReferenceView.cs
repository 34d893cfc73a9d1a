using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>One way to look at a reference.</summary>
/// <param name="Width">Its width as a share of the picture's, in (0, 1].</param>
/// <param name="Height">Its height as a share of the picture's, in (0, 1].</param>
/// <param name="Mirrored">Left to right.</param>
internal readonly record struct ReferenceView(double Width, double Height, bool Mirrored)
{
    /// <summary>The reference as it is.</summary>
    public static ReferenceView Itself { get; } = new(1, 1, false);

    /// <summary>Where views' features are kept in a folder, another way to draw them needs another name.</summary>
    private const string Drawing = "view 2";

    /// <summary>Views of a reference; its image is loaded at most once, and not at all where their features are known.</summary>
    public static PreparedImage[] Of(PreparedImage reference, IReadOnlyList<ReferenceView> views)
    {
        Lazy<ImageBuffer> image = new(reference.Load);
        return [.. views.Select(view => view == Itself ? reference : new PreparedImage(view.ContentOf(reference.Content), () => view.Draw(image.Value)))];
    }

    /// <summary>The view as an image of the reference's size, RGB.</summary>
    public ImageBuffer Draw(ImageBuffer reference)
    {
        ImageBuffer rgb = reference.ToRgb();
        (int width, int height) = (Math.Max(1, (int)Math.Round(rgb.Width * Width)), Math.Max(1, (int)Math.Round(rgb.Height * Height)));
        ImageBuffer small = PillowResize.Resize(rgb, width, height, ResampleFilter.Bicubic);
        byte[] around = ForegroundMask.BorderColor(rgb)!, pixels = new byte[rgb.Pixels.Length];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = around[i % 3];
        int left = (rgb.Width - width) / 2, top = (rgb.Height - height) / 2;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
            {
                int column = left + x;
                int target = (((top + y) * rgb.Width) + (Mirrored ? rgb.Width - 1 - column : column)) * 3;
                small.Pixels.AsSpan(((y * width) + x) * 3, 3).CopyTo(pixels.AsSpan(target));
            }
        return new ImageBuffer(rgb.Width, rgb.Height, 3, pixels);
    }

    /// <summary>
    /// Which patches of the view show the foreground; null: all. Without a mask the foreground is the reference as a whole, and not what stands around it.
    /// </summary>
    public bool[,]? Grid(bool[,]? mask, int rows, int columns)
    {
        if (mask is null && (Width, Height) == (1, 1))
            return null;
        if (mask is null)
        {
            mask = new bool[rows, columns];
            for (int row = 0; row < rows; row++)
                for (int column = 0; column < columns; column++)
                    mask[row, column] = true;
        }
        return ForegroundMask.ToPatchGrid(mask, rows, columns, this);
    }

    /// <summary>For each patch of the reference the view's patch that shows its middle: indexes <c>row * columns + column</c>.</summary>
    public long[] PatchesOfReference(int rows, int columns)
    {
        long[] patches = new long[rows * columns];
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
                patches[(row * columns) + column] = (InView(row, rows, Height) * columns) + InView(Mirrored ? columns - 1 - column : column, columns, Width);
        return patches;
    }

    private static long InView(int index, int count, double share) => (long)Math.Floor(((index + 0.5) * share) + (count * (1 - share) / 2));

    private UInt128 ContentOf(UInt128 reference)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] numbers = new byte[33];
        BinaryPrimitives.WriteUInt128LittleEndian(numbers, reference);
        BinaryPrimitives.WriteDoubleLittleEndian(numbers.AsSpan(16), Width);
        BinaryPrimitives.WriteDoubleLittleEndian(numbers.AsSpan(24), Height);
        numbers[32] = Mirrored ? (byte)1 : (byte)0;
        hash.AppendData(Encoding.UTF8.GetBytes(Drawing));
        hash.AppendData(numbers);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash.GetHashAndReset());
    }
}
