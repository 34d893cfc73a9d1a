using SkiaSharp;

namespace ProceduralCharacters;

/// <summary>Draws what a prompt adds: a hat, a balloon or a flag.</summary>
internal static class AccessoryPainter
{
    public static void Draw(SKCanvas canvas, Prompt prompt, CharacterShapes shapes, SKPaint stroke)
    {
        using SKPaint outline = stroke;
        using SKPath? shape = Shape(prompt.Accessory, shapes);
        if (shape is null)
            return;
        if (prompt.Accessory is Accessory.Balloon or Accessory.Flag)
            canvas.DrawLine(shapes.Hand, shapes.Top, outline);
        using var fill = new SKPaint { Color = PartPainter.ToColor(Palette.ByName(prompt.AccessoryColor)), IsAntialias = true };
        canvas.DrawPath(shape, fill);
        canvas.DrawPath(shape, outline);
    }

    public static void DrawMask(SKCanvas canvas, Prompt prompt, CharacterShapes shapes, SKColor color)
    {
        using SKPath? shape = Shape(prompt.Accessory, shapes);
        if (shape is null)
            return;
        using var fill = new SKPaint { Color = color, IsAntialias = true };
        canvas.DrawPath(shape, fill);
    }

    private static SKPath? Shape(Accessory accessory, CharacterShapes shapes)
    {
        if (accessory == Accessory.None)
            return null;
        var path = new SKPath { FillType = SKPathFillType.Winding };
        switch (accessory)
        {
            case Accessory.Hat:
                (SKPoint p, float half) = shapes.Hat;
                path.AddRoundRect(new SKRect(p.X - half, p.Y - 0.13f, p.X + half, p.Y + 0.06f), 0.06f, 0.06f);
                using (var crown = new SKPath())
                {
                    crown.AddRoundRect(new SKRect(p.X - 0.62f * half, p.Y - 0.5f, p.X + 0.62f * half, p.Y), 0.08f, 0.08f);
                    SKPath hat = path.Op(crown, SKPathOp.Union);
                    path.Dispose();
                    return hat;
                }

            case Accessory.Balloon:
                path.AddOval(new SKRect(shapes.Top.X - 0.28f, shapes.Top.Y - 0.34f, shapes.Top.X + 0.28f, shapes.Top.Y + 0.3f));
                return path;
            default:
                path.AddPoly([shapes.Top, new SKPoint(shapes.Top.X - 0.02f, shapes.Top.Y - 0.3f), new SKPoint(shapes.Top.X + 0.56f, shapes.Top.Y - 0.12f),
                    new SKPoint(shapes.Top.X + 0.02f, shapes.Top.Y + 0.14f)]);
                return path;
        }
    }
}
