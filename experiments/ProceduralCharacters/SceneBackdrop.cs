using SkiaSharp;

namespace ProceduralCharacters;

/// <summary>Paints the eight scenes; the random source moves their details.</summary>
internal static class SceneBackdrop
{
    private const int Side = CharacterRenderer.Size;

    public static void Draw(SKCanvas canvas, Scene scene, Random random)
    {
        using var paint = new SKPaint { IsAntialias = true };
        switch (scene)
        {
            case Scene.Grass:
                Gradient(canvas, 0, 40, 0x8FD3F7, 0xDDF3FC);
                Cloud(canvas, paint, random, 0xFFFFFF);
                Hill(canvas, paint, 36 + random.Next(3), 0x55B04A);
                Ground(canvas, paint, 50, 0x469E3E);
                Repeat(random, 7, (x, y) => Circle(canvas, paint, x, 48 + y * 16, 1.3f, random.Next(2) == 0 ? 0xFFF3A0 : 0xFFFFFF));
                break;
            case Scene.Beach:
                Gradient(canvas, 0, 30, 0x7CC8F2, 0xCDECFA);
                Circle(canvas, paint, 8 + random.Next(48), 9, 6, 0xFFDE59);
                Ground(canvas, paint, 28, 0x2F8FC9);
                Ground(canvas, paint, 38, 0xF0F8FF);
                Ground(canvas, paint, 40, 0xF2D59B);
                Repeat(random, 6, (x, y) => Circle(canvas, paint, x, 45 + y * 18, 1.1f, 0xD9B573));
                break;
            case Scene.Night:
                Gradient(canvas, 0, 52, 0x0E1238, 0x2A2F66);
                Circle(canvas, paint, 8 + random.Next(48), 9, 5.5f, 0xFFF4C2);
                Repeat(random, 14, (x, y) => Circle(canvas, paint, x, y * 46, 0.9f, 0xFFFFFF));
                Ground(canvas, paint, 51, 0x1B2A3A);
                break;
            case Scene.Snow:
                Gradient(canvas, 0, 46, 0xB9C9DA, 0xE3EBF2);
                Tree(canvas, paint, 6 + random.Next(10), 46, 0x3F6B5B);
                Tree(canvas, paint, 46 + random.Next(12), 44, 0x3F6B5B);
                Hill(canvas, paint, 44, 0xF6FAFD);
                Repeat(random, 14, (x, y) => Circle(canvas, paint, x, y * 60, 1.1f, 0xFFFFFF));
                break;
            case Scene.Bricks:
                Bricks(canvas, paint, random.Next(12));
                Ground(canvas, paint, 54, 0x8E8A86);
                Ground(canvas, paint, 54, 0x6F6B68, 1);
                break;
            case Scene.Water:
                Gradient(canvas, 0, 64, 0x3FB6D8, 0x0F4F94);
                Repeat(random, 3, (x, _) => Weed(canvas, paint, x, 64, 12 + random.Next(10)));
                Repeat(random, 7, (x, y) => Circle(canvas, paint, x, y * 50, 1.6f, 0xBCEBF7));
                Ground(canvas, paint, 60, 0xCDB98A);
                break;
            case Scene.Desert:
                Gradient(canvas, 0, 44, 0xF7A655, 0xFCE0A6);
                Circle(canvas, paint, 10 + random.Next(44), 12, 6.5f, 0xFFF1C7);
                Hill(canvas, paint, 38 + random.Next(3), 0xDDA04E);
                Ground(canvas, paint, 52, 0xC98638);
                Cactus(canvas, paint, random.Next(2) == 0 ? 5 + random.Next(5) : 54 + random.Next(5), 50);
                break;
            case Scene.City:
                Gradient(canvas, 0, 54, 0xC9B8D8, 0xF3DDD3);
                Skyline(canvas, paint, random);
                Ground(canvas, paint, 53, 0x5A5D66);
                Repeat(random, 1, (_, _) => Dashes(canvas, paint, random.Next(10)));
                break;
            default:
                canvas.Clear(SKColors.White);
                break;
        }
    }

    /// <summary>The dark oval under a character.</summary>
    public static void Shadow(SKCanvas canvas, float x, float halfWidth)
    {
        using var paint = new SKPaint { IsAntialias = true, Color = new SKColor(0, 0, 0, 70) };
        canvas.DrawOval(x, 60.5f, halfWidth, 2.4f, paint);
    }

    private static void Gradient(SKCanvas canvas, float top, float bottom, int from, int to)
    {
        using var shader = SKShader.CreateLinearGradient(new SKPoint(0, top), new SKPoint(0, bottom), [PartPainter.ToColor(from), PartPainter.ToColor(to)],
            SKShaderTileMode.Clamp);
        using var paint = new SKPaint { Shader = shader };
        canvas.DrawRect(0, 0, Side, Side, paint);
    }

    private static void Ground(SKCanvas canvas, SKPaint paint, float top, int color, float height = Side)
    {
        paint.Color = PartPainter.ToColor(color);
        canvas.DrawRect(0, top, Side, height, paint);
    }

    private static void Hill(SKCanvas canvas, SKPaint paint, float top, int color)
    {
        paint.Color = PartPainter.ToColor(color);
        canvas.DrawOval(20, top + 30, 52, 30, paint);
        canvas.DrawOval(60, top + 34, 40, 30, paint);
    }

    private static void Circle(SKCanvas canvas, SKPaint paint, float x, float y, float radius, int color)
    {
        paint.Color = PartPainter.ToColor(color);
        canvas.DrawCircle(x, y, radius, paint);
    }

    private static void Cloud(SKCanvas canvas, SKPaint paint, Random random, int color)
    {
        float x = 10 + random.Next(44);
        float y = 7 + random.Next(8);
        Circle(canvas, paint, x - 5, y + 1, 3.2f, color);
        Circle(canvas, paint, x, y - 1, 4.4f, color);
        Circle(canvas, paint, x + 5, y + 1, 3.4f, color);
    }

    private static void Tree(SKCanvas canvas, SKPaint paint, float x, float bottom, int color)
    {
        using var path = new SKPath();
        path.AddPoly([new SKPoint(x, bottom - 26), new SKPoint(x + 7, bottom), new SKPoint(x - 7, bottom)]);
        paint.Color = PartPainter.ToColor(color);
        canvas.DrawPath(path, paint);
    }

    private static void Bricks(SKCanvas canvas, SKPaint paint, int shift)
    {
        Ground(canvas, paint, 0, 0xD8C8BC);
        paint.Color = PartPainter.ToColor(0xB5523E);
        for (int row = 0; row < 9; row++)
        {
            for (int column = -1; column < 6; column++)
                canvas.DrawRect(column * 12 + (row & 1) * 6 - 6 + shift, row * 6, 11, 5, paint);
        }
    }

    private static void Weed(SKCanvas canvas, SKPaint paint, float x, float bottom, float height)
    {
        paint.Color = PartPainter.ToColor(0x2C8A57);
        canvas.DrawRoundRect(x, bottom - height, 3, height, 1.5f, 1.5f, paint);
    }

    private static void Cactus(SKCanvas canvas, SKPaint paint, float x, float bottom)
    {
        paint.Color = PartPainter.ToColor(0x4E8B45);
        canvas.DrawRoundRect(x - 2, bottom - 18, 4, 19, 2, 2, paint);
        canvas.DrawRoundRect(x - 6, bottom - 13, 2.5f, 7, 1.2f, 1.2f, paint);
        canvas.DrawRect(x - 6, bottom - 8, 5, 2.4f, paint);
        canvas.DrawRoundRect(x + 3.5f, bottom - 15, 2.5f, 7, 1.2f, 1.2f, paint);
        canvas.DrawRect(x + 1, bottom - 10, 5, 2.4f, paint);
    }

    private static void Skyline(SKCanvas canvas, SKPaint paint, Random random)
    {
        for (float x = -random.Next(6); x < Side; x += 13)
        {
            float top = 10 + random.Next(22);
            paint.Color = PartPainter.ToColor(random.Next(2) == 0 ? 0x767C93 : 0x8F93A8);
            canvas.DrawRect(x, top, 12, Side, paint);
            paint.Color = PartPainter.ToColor(0xFBE7A1);
            for (float y = top + 3; y < 50; y += 6)
            {
                canvas.DrawRect(x + 2.5f, y, 2.5f, 3, paint);
                canvas.DrawRect(x + 7, y, 2.5f, 3, paint);
            }
        }
    }

    private static void Dashes(SKCanvas canvas, SKPaint paint, int shift)
    {
        paint.Color = PartPainter.ToColor(0xE8E8E8);
        for (int x = -shift; x < Side; x += 14)
            canvas.DrawRect(x, 58, 7, 1.5f, paint);
    }

    private static void Repeat(Random random, int count, Action<float, float> draw)
    {
        for (int i = 0; i < count; i++)
            draw(random.NextSingle() * Side, random.NextSingle());
    }
}
