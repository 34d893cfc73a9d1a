using System.Runtime.InteropServices;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using SkiaSharp;

namespace PatchDpo.Tool.Score;

/// <summary>A picture of one pair for people: reference and generated image, each beside its heat map, over the scale.</summary>
internal static class HeatMapSheet
{
    private const int Cell = 512, Gap = 12, Title = 34, Label = 24, Legend = 52;
    private static readonly SKColor Ink = new(40, 40, 40);

    public static ImageBuffer Draw(ScoredPair pair, EvaluationRow row, IReadOnlyList<WorstPatch> worst, HeatMapOptions range, string title)
    {
        ImageBuffer reference = row.References[0].ScaleTo(Cell), generated = row.Generated.ScaleTo(Cell);
        var info = new SKImageInfo((4 * (Cell + Gap)) + Gap, Title + Label + Cell + Legend, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var surface = SKSurface.Create(info);
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        DrawText(canvas, title, Gap, 22, 16, bold: true, room: info.Width - (2 * Gap));

        (string Label, ImageBuffer Image)[] cells =
        [
            ("reference", reference),
            ($"found in the generated image: {pair.Reference.Mean():F3}", HeatMap.Render(reference, pair.Reference, Within(range, row.ReferenceMasks?[0]))),
            ("generated, worst patches numbered", generated),
            ($"found in the reference: {pair.Generated.Mean():F3}", HeatMap.Render(generated, pair.Generated, Within(range, row.GeneratedMask))),
        ];
        for (int i = 0; i < cells.Length; i++)
        {
            int x = Gap + (i * (Cell + Gap)), y = Title + Label;
            DrawText(canvas, cells[i].Label, x, y - 7, 13, bold: false, room: Cell);
            SKRect frame = Fit(cells[i].Image, x, y);
            DrawImage(canvas, cells[i].Image, frame);
            if (i >= 2)
                DrawBoxes(canvas, worst, frame, frame.Width / row.Generated.Width);
        }

        DrawScale(canvas, range, info.Width, Title + Label + Cell + 14);
        return Read(surface, info);
    }

    /// <summary>The scale within a mask.</summary>
    public static HeatMapOptions Within(HeatMapOptions range, bool[,]? mask) => new() { Worst = range.Worst, Best = range.Best, Mask = mask };

    private static SKRect Fit(ImageBuffer image, int x, int y)
    {
        float scale = Math.Min((float)Cell / image.Width, (float)Cell / image.Height);
        float width = image.Width * scale, height = image.Height * scale;
        return SKRect.Create(x + ((Cell - width) / 2), y + ((Cell - height) / 2), width, height);
    }

    private static void DrawBoxes(SKCanvas canvas, IReadOnlyList<WorstPatch> worst, SKRect frame, float scale)
    {
        for (int i = worst.Count - 1; i >= 0; i--)
        {
            WorstPatch patch = worst[i];
            var box = SKRect.Create(frame.Left + (patch.X * scale), frame.Top + (patch.Y * scale), patch.Width * scale, patch.Height * scale);
            // White under black shows on any ground.
            foreach ((SKColor color, float width) in new[] { (SKColors.White, 4f), (SKColors.Black, 1.6f) })
            {
                using var paint = new SKPaint { Color = color, StrokeWidth = width, IsStroke = true, IsAntialias = true };
                canvas.DrawRect(box, paint);
            }

            using var ground = new SKPaint { Color = SKColors.Black };
            float x = box.Right + 16 <= frame.Right ? box.Right : box.Left - 15, y = Math.Clamp(box.Top, frame.Top, frame.Bottom - 17);
            canvas.DrawRect(x, y, 15, 17, ground);
            DrawText(canvas, $"{i + 1}", x + 4, y + 13, 12, bold: true, room: 20, SKColors.White);
        }
    }

    /// <summary>The colours as the heat maps have them over white, with the qualities that they stand for.</summary>
    private static void DrawScale(SKCanvas canvas, HeatMapOptions range, int width, int y)
    {
        (float low, float high) = (range.Worst!.Value, range.Best!.Value);
        const int Steps = 256, Length = 440;
        float left = (width - Length) / 2f;
        DrawImage(canvas, HeatMap.Scale(range, Steps), SKRect.Create(left, y, Length, 14));
        const int Ticks = 5;
        for (int i = 0; i < Ticks; i++)
        {
            float part = i / (Ticks - 1f);
            DrawText(canvas, $"{low + ((high - low) * part):F2}", left + (part * Length) - 13, y + 30, 12, bold: false, room: 60);
        }

        DrawText(canvas, "not found", left - 74, y + 12, 13, bold: false, room: 70);
        DrawText(canvas, "found (patch quality: largest cosine)", left + Length + 10, y + 12, 13, bold: false, room: 300);
    }

    private static void DrawText(SKCanvas canvas, string text, float x, float y, float size, bool bold, float room, SKColor? color = null)
    {
        using SKTypeface typeface = SKTypeface.FromFamilyName(null, bold ? SKFontStyle.Bold : SKFontStyle.Normal);
        using var paint = new SKPaint { Typeface = typeface, TextSize = size, IsAntialias = true, Color = color ?? Ink };
        float width = paint.MeasureText(text);
        if (width > room)
            paint.TextSize *= room / width;
        canvas.DrawText(text, x, y, paint);
    }

    private static void DrawImage(SKCanvas canvas, ImageBuffer image, SKRect target)
    {
        byte[] rgba = new byte[4 * image.Width * image.Height];
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            image.Pixels.AsSpan(3 * i, 3).CopyTo(rgba.AsSpan(4 * i));
            rgba[(4 * i) + 3] = 255;
        }

        using SKImage source = SKImage.FromPixelCopy(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque), rgba);
        using var paint = new SKPaint { FilterQuality = SKFilterQuality.High };
        canvas.DrawImage(source, target, paint);
    }

    private static ImageBuffer Read(SKSurface surface, SKImageInfo info)
    {
        byte[] rgba = new byte[info.BytesSize];
        GCHandle pinned = GCHandle.Alloc(rgba, GCHandleType.Pinned);
        try
        {
            surface.ReadPixels(info, pinned.AddrOfPinnedObject(), info.RowBytes, 0, 0);
        }
        finally
        {
            pinned.Free();
        }

        return new ImageBuffer(info.Width, info.Height, 4, rgba).ToRgb();
    }
}
