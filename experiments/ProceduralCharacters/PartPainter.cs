using SkiaSharp;

namespace ProceduralCharacters;

/// <summary>Fills a part's outline with its colour and texture.</summary>
internal static class PartPainter
{
    // Wide enough that the texture stays legible at 64 pixels.
    private const float Pitch = 0.21f;

    public static void Fill(SKCanvas canvas, SKPath path, PartStyle style)
    {
        using var paint = new SKPaint { Color = ToColor(style.Color), IsAntialias = true };
        canvas.DrawPath(path, paint);
        if (style.Texture == Texture.Plain)
            return;

        canvas.Save();
        canvas.ClipPath(path, SKClipOperation.Intersect, antialias: true);
        paint.Color = ToColor(style.SecondColor);
        // Anchored to the part's middle, so that the texture does not swim with its size.
        SKRect bounds = path.Bounds;
        const int reach = 5;
        for (int row = -reach; row <= reach; row++)
        {
            for (int column = -reach; column <= reach; column++)
            {
                float x = bounds.MidX + column * Pitch;
                float y = bounds.MidY + row * Pitch;
                if (style.Texture == Texture.Dots)
                {
                    if (((row + column) & 1) == 0)
                        canvas.DrawCircle(x, y, 0.62f * Pitch, paint);
                    continue;
                }

                int phase = style.Texture switch { Texture.Rows => row, Texture.Columns => column, _ => row + column };
                if ((phase & 1) == 0)
                    canvas.DrawRect(x - Pitch / 2, y - Pitch / 2, Pitch * 1.01f, Pitch * 1.01f, paint);
            }
        }

        canvas.Restore();
    }

    public static SKColor ToColor(int rgb) => new((byte)(rgb >> 16), (byte)(rgb >> 8), (byte)rgb);
}
