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
    private const float OutlinePixels = 1.2f;
    private static readonly SKPoint s_referenceCenter = new(32, 32);
    private static readonly SKColor s_outline = new(45, 36, 54);

    /// <summary>The character on white, in its canonical pose: facing right, standing, filling the image.</summary>
    public static RenderedCharacter RenderReference(Character character)
        => Draw(character, null, null, s_referenceCenter, ReferenceScale);

    /// <summary>The character as a prompt asks for it; on white it is laid out as in the reference.</summary>
    /// <param name="seed">Decides the scene's details and shifts the character by up to one pixel.</param>
    /// <exception cref="ArgumentException">The prompt names another kind.</exception>
    public static RenderedCharacter Render(Character character, Prompt prompt, int seed)
    {
        if (prompt.Kind != character.Kind)
            throw new ArgumentException($"The prompt is of a {prompt.Kind}, the character is a {character.Kind}.", nameof(prompt));
        Character painted = prompt.BodyColor is string color ? character.WithBodyColor(Palette.ByName(color)) : character;
        if (prompt.Scene == Scene.White)
            return Draw(painted, prompt, null, s_referenceCenter, ReferenceScale);
        Random random = Seeds.Source(seed, 5);
        float x = 31 + 2 * random.NextSingle();
        float y = 60 + random.NextSingle() - 0.94f * SceneScale;
        return Draw(painted, prompt, random, new SKPoint(x, y), SceneScale);
    }

    private static RenderedCharacter Draw(Character character, Prompt? prompt, Random? random, SKPoint center, float scale)
    {
        using CharacterShapes shapes = CharacterShapes.Of(character);
        SKMatrix place = SKMatrix.CreateTranslation(center.X, center.Y)
            .PreConcat(SKMatrix.CreateScale(prompt?.FacingLeft == true ? -scale : scale, scale));

        var info = new SKImageInfo(Size, Size, SKColorType.Rgba8888, SKAlphaType.Premul);
        using var bitmap = new SKBitmap(info);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.White);
        if (prompt is not null && random is not null)
        {
            SceneBackdrop.Draw(canvas, prompt.Scene, random);
            if (prompt.Scene != Scene.Water)
                SceneBackdrop.Shadow(canvas, center.X, 0.8f * scale);
        }

        canvas.SetMatrix(place);
        DrawCharacter(canvas, character, shapes, scale, masks: false);
        if (prompt is not null)
            AccessoryPainter.Draw(canvas, prompt, shapes, Stroke(scale));
        canvas.Flush();

        using var maskBitmap = new SKBitmap(info);
        using var maskCanvas = new SKCanvas(maskBitmap);
        maskCanvas.Clear(SKColors.Black);
        maskCanvas.SetMatrix(place);
        DrawCharacter(maskCanvas, character, shapes, scale, masks: true);
        if (prompt is not null)
            AccessoryPainter.DrawMask(maskCanvas, prompt, shapes, MaskColor(RenderedCharacter.AccessoryPart));
        maskCanvas.Flush();
        return new RenderedCharacter(ToRgb(bitmap), ToMask(maskBitmap));
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
}
