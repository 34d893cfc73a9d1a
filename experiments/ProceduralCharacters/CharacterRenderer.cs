using PatchDpo.Torch.Images;
using SkiaSharp;

namespace ProceduralCharacters;

/// <summary>Draws characters with antialiasing.</summary>
public static class CharacterRenderer
{
    /// <summary>Side of an image in pixels.</summary>
    public const int Size = 64;

    // Pixels for a unit of a character's coordinates.
    private const float ReferenceScale = 29;
    private const float SceneScale = 25;
    private const float HalfScale = ReferenceScale / 2;
    private const float GroundY = 60;
    private const float OutlinePixels = 1.2f;
    private const float Middle = Size / 2f;
    private static readonly SKColor s_outline = new(45, 36, 54);

    /// <summary>The character on white, in its canonical pose: facing right, standing, filling the image.</summary>
    public static RenderedCharacter RenderReference(Character character)
        => Draw(Scene.White, null, [new Figure(character, null, new SKPoint(Middle, Middle), ReferenceScale)])[0];

    /// <summary>The character as a prompt asks for it; on white it is laid out as in the reference, a small one half as large.</summary>
    /// <param name="seed">Decides the scene's details and shifts the character by up to one pixel.</param>
    /// <exception cref="ArgumentException">The prompt names another kind.</exception>
    public static RenderedCharacter Render(Character character, Prompt prompt, int seed)
    {
        if (prompt.Kind != character.Kind)
            throw new ArgumentException($"The prompt is of a {prompt.Kind}, the character is a {character.Kind}.", nameof(prompt));
        Character painted = prompt.BodyColor is string color ? character.WithBodyColor(Palette.ByName(color)) : character;
        if (prompt.Scene == Scene.White)
            return Draw(prompt.Scene, null, [new Figure(painted, prompt, new SKPoint(Middle, Middle), prompt.Small ? HalfScale : ReferenceScale)])[0];
        Random random = Seeds.Source(seed, 5);
        float scale = prompt.Small ? HalfScale : SceneScale;
        float x = Middle - 1 + 2 * random.NextSingle();
        float y = GroundY + random.NextSingle() - 0.94f * scale;
        return Draw(prompt.Scene, random, [new Figure(painted, prompt, new SKPoint(x, y), scale)])[0];
    }

    /// <summary>Two characters side by side, each half as large as in its reference; on white this is their references' montage.</summary>
    /// <param name="seed">Decides the scene's details.</param>
    /// <returns>The left and the right character's truth: one image, each with the mask of its own parts.</returns>
    public static IReadOnlyList<RenderedCharacter> Render(Duo duo, int seed)
    {
        float y = HeightOf(duo);
        return Draw(duo.Scene, Seeds.Source(seed, 5),
            [new Figure(duo.Left, null, new SKPoint(Middle / 2, y), HalfScale), new Figure(duo.Right, null, new SKPoint(1.5f * Middle, y), HalfScale)]);
    }

    /// <summary>The square that one of the two is drawn in.</summary>
    /// <param name="side">0 for the left, 1 for the right.</param>
    public static (int X, int Y, int Side) CellOf(Duo duo, int side) => (side * Size / 2, (int)MathF.Round(HeightOf(duo)) - Size / 4, Size / 2);

    private static float HeightOf(Duo duo) => duo.Scene == Scene.White ? Middle : GroundY - 0.94f * HalfScale;

    private static RenderedCharacter[] Draw(Scene scene, Random? random, IReadOnlyList<Figure> figures)
    {
        var info = new SKImageInfo(Size, Size, SKColorType.Rgba8888, SKAlphaType.Premul);
        using var bitmap = new SKBitmap(info);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.White);
        if (random is not null && scene != Scene.White)
            SceneBackdrop.Draw(canvas, scene, random);
        foreach (Figure figure in figures)
        {
            if (scene is not (Scene.White or Scene.Water))
                SceneBackdrop.Shadow(canvas, figure.Center.X, 0.8f * figure.Scale);
            DrawFigure(canvas, figure, masks: false);
        }

        canvas.Flush();
        ImageBuffer image = ToRgb(bitmap);
        return figures.Select(f => new RenderedCharacter(image, Mask(f, info))).ToArray();
    }

    private static sbyte[] Mask(Figure figure, SKImageInfo info)
    {
        using var bitmap = new SKBitmap(info);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.Black);
        DrawFigure(canvas, figure, masks: true);
        canvas.Flush();
        return ToMask(bitmap);
    }

    private static void DrawFigure(SKCanvas canvas, Figure figure, bool masks)
    {
        using CharacterShapes shapes = CharacterShapes.Of(figure.Character);
        canvas.Save();
        canvas.Translate(figure.Center.X, figure.Center.Y);
        canvas.Scale(figure.Prompt?.FacingLeft == true ? -figure.Scale : figure.Scale, figure.Scale);
        DrawCharacter(canvas, figure.Character, shapes, figure.Scale, masks);
        if (figure.Prompt is not null && masks)
            AccessoryPainter.DrawMask(canvas, figure.Prompt, shapes, MaskColor(RenderedCharacter.AccessoryPart));
        else if (figure.Prompt is not null)
            AccessoryPainter.Draw(canvas, figure.Prompt, shapes, Stroke(figure.Scale));
        canvas.Restore();
    }

    private static void DrawCharacter(SKCanvas canvas, Character character, CharacterShapes shapes, float scale, bool masks)
    {
        using SKPaint stroke = Stroke(scale);
        foreach ((int part, SKPath path) in shapes.Parts)
        {
            if (masks)
            {
                using var id = new SKPaint { Color = MaskColor(part), IsAntialias = true };
                canvas.DrawPath(path, id);
                stroke.Color = SKColors.Black;
            }
            else
            {
                PartPainter.Fill(canvas, path, character.Parts[part]);
            }

            canvas.DrawPath(path, stroke);
        }

        foreach (SKPoint eye in shapes.EyeCenters)
        {
            using var paint = new SKPaint { Color = masks ? SKColors.Black : SKColors.White, IsAntialias = true };
            canvas.DrawCircle(eye, shapes.EyeRadius, paint);
            if (masks)
                continue;
            paint.Color = s_outline;
            canvas.DrawCircle(eye.X + 0.35f * shapes.EyeRadius, eye.Y, 0.62f * shapes.EyeRadius, paint);
        }
    }

    private static SKPaint Stroke(float scale) => new()
    {
        Color = s_outline,
        IsAntialias = true,
        Style = SKPaintStyle.Stroke,
        StrokeWidth = OutlinePixels / scale,
        StrokeJoin = SKStrokeJoin.Round,
    };

    /// <summary>Red tells the part, blue is full: a pixel that is not exactly such a colour mixes parts.</summary>
    private static SKColor MaskColor(int part) => new((byte)(20 * (part + 1)), 0, 255);

    private static ImageBuffer ToRgb(SKBitmap bitmap)
    {
        ReadOnlySpan<byte> rgba = bitmap.GetPixelSpan();
        byte[] rgb = new byte[Size * Size * 3];
        for (int i = 0; i < Size * Size; i++)
            rgba.Slice(4 * i, 3).CopyTo(rgb.AsSpan(3 * i));
        return new ImageBuffer(Size, Size, 3, rgb);
    }

    private static sbyte[] ToMask(SKBitmap bitmap)
    {
        ReadOnlySpan<byte> rgba = bitmap.GetPixelSpan();
        var mask = new sbyte[Size * Size];
        for (int i = 0; i < mask.Length; i++)
        {
            int part = rgba[4 * i] / 20 - 1;
            mask[i] = rgba[4 * i + 2] switch
            {
                0 => -1,
                255 when rgba[4 * i] % 20 == 0 && part >= 0 => (sbyte)part,
                _ => -2,
            };
        }

        return mask;
    }

    private sealed record Figure(Character Character, Prompt? Prompt, SKPoint Center, float Scale);
}
