using SkiaSharp;

namespace PatchDpo.Torch.Images;

/// <summary>Lays images out in a labelled grid, for people to look at.</summary>
/// <remarks>
/// Small images are enlarged by whole pixels, so that what a model drew is seen as it is; large ones are reduced smoothly.
/// Labels use the system's default typeface; on a system without any font they stay away.
/// </remarks>
public static class ImageGrid
{
    /// <summary>Composes a grid.</summary>
    /// <param name="rows">Rows of images of any sizes; rows may have different lengths.</param>
    /// <param name="options">The layout.</param>
    /// <returns>An RGB image on a white ground.</returns>
    /// <exception cref="ArgumentException">There is no image at all.</exception>
    public static ImageBuffer Compose(IReadOnlyList<IReadOnlyList<ImageBuffer>> rows, ImageGridOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        options ??= new ImageGridOptions();
        int columns = rows.Select(r => r.Count).DefaultIfEmpty(0).Max();
        if (columns == 0)
            throw new ArgumentException("A grid needs at least one image.", nameof(rows));

        // Room above and below a label's letters.
        int label = options.LabelSize * 22 / 13;
        int pitch = options.CellSize + options.Gap;
        int top = options.Gap + (options.ColumnTitles.Count > 0 ? label : 0);
        int rowPitch = pitch + (options.RowCaptions.Count > 0 ? label : 0);
        int below = top + (rows.Count * rowPitch), footer = below + (options.Legend is null ? 0 : label + options.Gap);
        var info = new SKImageInfo((columns * pitch) + options.Gap, footer + (options.Footer.Count * label), SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var surface = SKSurface.Create(info);
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(SKColors.White);

        for (int c = 0; c < Math.Min(columns, options.ColumnTitles.Count); c++)
            DrawLabel(canvas, options.ColumnTitles[c], options.Gap + (c * pitch) + (options.CellSize / 2f), options.Gap, options.CellSize,
                options.LabelSize, bold: true);
        for (int r = 0; r < rows.Count; r++)
        {
            int y = top + (r * rowPitch);
            for (int c = 0; c < rows[r].Count; c++)
                DrawImage(canvas, rows[r][c], new SKRect(options.Gap + (c * pitch), y, options.Gap + (c * pitch) + options.CellSize, y + options.CellSize));
            if (r < options.RowCaptions.Count)
                DrawLabel(canvas, options.RowCaptions[r], info.Width / 2f, y + options.CellSize, info.Width - (2 * options.Gap), options.LabelSize, bold: false);
        }
        if (options.Legend is not null)
            DrawLegend(canvas, options.Legend, info.Width, below, options.LabelSize);
        for (int i = 0; i < options.Footer.Count; i++)
            DrawLabel(canvas, options.Footer[i], info.Width / 2f, footer + (i * label), info.Width - (2 * options.Gap), options.LabelSize, bold: false);
        return ReadRgb(surface, info);
    }

    private static void DrawImage(SKCanvas canvas, ImageBuffer image, SKRect cell)
    {
        float scale = Math.Min(cell.Width / image.Width, cell.Height / image.Height);
        if (scale >= 1)
            scale = MathF.Floor(scale);
        float width = image.Width * scale, height = image.Height * scale;
        var target = SKRect.Create(cell.MidX - (width / 2), cell.MidY - (height / 2), width, height);
        using var paint = new SKPaint { FilterQuality = scale >= 1 ? SKFilterQuality.None : SKFilterQuality.High };
        using SKImage source = ToSkia(image);
        canvas.DrawImage(source, target, paint);
    }

    // The bar takes the middle third, the words the rooms beside it.
    private static void DrawLegend(SKCanvas canvas, ImageGridLegend legend, int width, int y, int size)
    {
        float third = width / 3f, room = third - (2 * size);
        using (SKImage bar = ToSkia(legend.Bar))
        using (SKPaint paint = new() { FilterQuality = SKFilterQuality.High })
            canvas.DrawImage(bar, SKRect.Create(third, y + (size / 4f), third, size), paint);
        DrawLabel(canvas, legend.Low, third - size, y, room, size, bold: false, SKTextAlign.Right);
        DrawLabel(canvas, legend.High, (2 * third) + size, y, room, size, bold: false, SKTextAlign.Left);
    }

    private static SKImage ToSkia(ImageBuffer image)
    {
        byte[] rgba = new byte[4 * image.Width * image.Height];
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            ReadOnlySpan<byte> pixel = image.Pixels.AsSpan(i * image.Channels, image.Channels);
            rgba[4 * i] = pixel[0];
            rgba[(4 * i) + 1] = pixel[image.Channels == 1 ? 0 : 1];
            rgba[(4 * i) + 2] = pixel[image.Channels == 1 ? 0 : 2];
            rgba[(4 * i) + 3] = image.Channels == 4 ? pixel[3] : (byte)255;
        }
        return SKImage.FromPixelCopy(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul), rgba);
    }

    private static void DrawLabel(
        SKCanvas canvas, string text, float x, float y, float room, int size, bool bold, SKTextAlign align = SKTextAlign.Center)
    {
        using SKTypeface typeface = SKTypeface.FromFamilyName(null, bold ? SKFontStyle.Bold : SKFontStyle.Normal);
        using var paint = new SKPaint { Typeface = typeface, TextSize = size, IsAntialias = true, TextAlign = align,
            Color = new SKColor(40, 40, 40) };
        float width = paint.MeasureText(text);
        if (width > room)
            paint.TextSize *= room / width;
        canvas.DrawText(text, x, y + size + 2, paint);
    }

    private static ImageBuffer ReadRgb(SKSurface surface, SKImageInfo info)
    {
        using SKImage snapshot = surface.Snapshot();
        using SKPixmap pixmap = snapshot.PeekPixels();
        ReadOnlySpan<byte> rgba = pixmap.GetPixelSpan();
        byte[] rgb = new byte[3 * info.Width * info.Height];
        for (int i = 0; i < info.Width * info.Height; i++)
            rgba.Slice(4 * i, 3).CopyTo(rgb.AsSpan(3 * i));
        return new ImageBuffer(info.Width, info.Height, 3, rgb);
    }
}
