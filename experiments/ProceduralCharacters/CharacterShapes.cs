using SkiaSharp;

namespace ProceduralCharacters;

/// <summary>A character's outlines in its own coordinates (about -1..1, y down, facing right), in drawing order.</summary>
internal sealed class CharacterShapes : IDisposable
{
    private CharacterShapes(Character character)
    {
        float w = character.BodySize;
        float h = character.HeadSize;
        switch (character.Kind)
        {
            case CharacterKind.Robot:
                Box(0, -0.42f, 0.45f, -0.08f, 0.94f);
                Box(1, 0.08f, 0.45f, 0.42f, 0.94f);
                Box(2, -0.83f, -0.08f, -0.5f, 0.5f);
                Box(3, 0.5f, -0.62f, 0.83f, 0.05f);
                Box(4, -0.54f * w, -0.14f, 0.54f * w, 0.57f);
                Box(5, -0.28f, 0.06f, 0.28f, 0.4f, 0.05f);
                Oval(7, 0, -0.82f, 0.16f, 0.16f);
                Box(6, -0.43f * h, -0.72f, 0.43f * h, -0.12f);
                Eyes(0.1f, (-0.14f, -0.42f), (0.2f, -0.42f));
                Anchors(0, -0.64f, 0.5f, -0.68f, 0.4f, -0.86f, -0.52f);
                break;
            case CharacterKind.Cat:
                Oval(0, -0.78f, -0.16f, 0.14f, 0.46f, -18);
                Box(1, -0.62f, 0.3f, -0.28f, 0.92f);
                Box(2, 0.08f, 0.3f, 0.42f, 0.92f);
                Oval(3, -0.12f, 0.22f, 0.64f * w, 0.42f);
                Oval(4, -0.26f, 0.14f, 0.27f, 0.22f);
                Polygon(5, (0.14f, -0.4f), (0.2f, -0.92f), (0.5f, -0.6f), (0.78f, -0.92f), (0.84f, -0.4f));
                Oval(6, 0.48f, -0.28f, 0.44f * h, 0.38f * h);
                Oval(7, 0.66f, -0.12f, 0.2f, 0.15f);
                Eyes(0.095f, (0.36f, -0.38f), (0.68f, -0.38f));
                Anchors(0.48f, -0.58f, 0.4f, -0.35f, -0.1f, -0.4f, -0.78f);
                break;
            case CharacterKind.Bird:
                Polygon(0, (-0.98f, -0.12f), (-0.35f, 0.05f), (-0.4f, 0.48f), (-0.96f, 0.42f));
                Box(1, -0.26f, 0.55f, -0.06f, 0.94f, 0.05f);
                Box(1, 0.12f, 0.55f, 0.32f, 0.94f, 0.05f);
                Oval(2, -0.05f, 0.22f, 0.58f * w, 0.46f);
                Oval(3, 0.2f, 0.34f, 0.3f, 0.28f);
                Polygon(4, (0.62f, -0.6f), (0.99f, -0.36f), (0.62f, -0.14f));
                Polygon(5, (0.1f, -0.6f), (0.02f, -0.98f), (0.32f, -0.84f), (0.52f, -0.98f), (0.58f, -0.6f));
                Oval(6, 0.38f, -0.38f, 0.38f * h, 0.35f * h);
                Oval(7, -0.24f, 0.12f, 0.38f, 0.23f, 18);
                Eyes(0.11f, (0.5f, -0.44f));
                Anchors(0.34f, -0.64f, 0.4f, -0.5f, 0.05f, -0.58f, -0.68f);
                break;
            case CharacterKind.Fish:
                Polygon(0, (-0.42f, 0.05f), (-0.98f, -0.45f), (-0.84f, 0.05f), (-0.98f, 0.55f));
                Polygon(1, (-0.42f, -0.3f), (-0.2f, -0.88f), (0.36f, -0.78f), (0.34f, -0.3f));
                Polygon(2, (-0.3f, 0.4f), (-0.36f, 0.9f), (0.18f, 0.8f), (0.26f, 0.4f));
                Oval(7, 0.76f, 0.14f, 0.15f, 0.15f);
                SKPath body = Oval(3, 0.05f, 0.05f, 0.68f * w, 0.52f);
                Inside(4, body, 0.3f, 2);
                Inside(5, body, -0.36f, -0.06f);
                Oval(6, 0.12f, 0.26f, 0.2f, 0.13f, 20);
                Eyes(0.12f, (0.5f, -0.08f));
                Anchors(0.12f, -0.6f, 0.5f, -0.5f, -0.05f, -0.66f, -0.74f);
                break;
            case CharacterKind.Car:
                Box(0, -0.48f, -0.76f, 0.08f, -0.4f, 0.06f);
                Polygon(1, (-0.66f, 0.1f), (-0.5f, -0.48f), (0.26f, -0.48f), (0.56f, 0.1f));
                Polygon(2, (-0.4f, -0.03f), (-0.33f, -0.34f), (0.16f, -0.34f), (0.32f, -0.03f));
                Box(3, -0.92f * w, 0f, 0.92f * w, 0.52f, 0.16f);
                Oval(4, -0.04f, 0.25f, 0.19f, 0.17f);
                Box(5, 0.66f, 0.1f, 0.98f, 0.36f, 0.08f);
                Oval(6, -0.52f, 0.55f, 0.27f, 0.27f);
                Oval(7, 0.52f, 0.55f, 0.27f, 0.27f);
                Eyes(0.09f, (-0.06f, -0.19f), (0.16f, -0.19f));
                Anchors(-0.16f, -0.62f, 0.42f, -0.78f, 0.05f, -0.82f, -0.66f);
                break;
            default:
                Box(1, 0.24f, -0.92f, 0.54f, -0.3f, 0.05f);
                Box(2, -0.46f * w, -0.1f, 0.5f * w, 0.92f, 0.12f);
                Box(3, 0.02f, 0.38f, 0.36f, 0.92f, 0.14f);
                Oval(4, -0.22f, 0.34f, 0.16f, 0.18f);
                Oval(0, -0.66f, 0.7f, 0.28f, 0.24f);
                SKPath cap = Oval(5, 0, 0.02f, 0.9f * h, 0.74f);
                Keep(5, cap, new SKRect(-2, -2, 2, 0.08f));
                Oval(6, -0.36f, -0.28f, 0.23f, 0.18f);
                Oval(7, 0.3f, -0.24f, 0.2f, 0.15f);
                Eyes(0.075f, (-0.1f, 0.2f), (0.16f, 0.2f));
                Anchors(-0.06f, -0.58f, 0.46f, 0.66f, 0.5f, 0.8f, -0.46f);
                break;
        }
    }

    public List<(int Part, SKPath Path)> Parts { get; } = [];

    public List<SKPoint> EyeCenters { get; } = [];

    public float EyeRadius { get; private set; }

    /// <summary>Where a hat's brim sits, and half its width.</summary>
    public (SKPoint Point, float HalfWidth) Hat { get; private set; }

    /// <summary>Where a balloon's string or a flag's pole starts.</summary>
    public SKPoint Hand { get; private set; }

    /// <summary>Where the balloon or the flag's cloth is.</summary>
    public SKPoint Top { get; private set; }

    public static CharacterShapes Of(Character character) => new(character);

    public void Dispose()
    {
        foreach ((_, SKPath path) in Parts)
            path.Dispose();
    }

    private SKPath Add(int part, SKPath path)
    {
        Parts.Add((part, path));
        return path;
    }

    private void Box(int part, float left, float top, float right, float bottom, float radius = 0.1f)
    {
        var path = new SKPath();
        path.AddRoundRect(new SKRect(left, top, right, bottom), radius, radius);
        Add(part, path);
    }

    private SKPath Oval(int part, float x, float y, float rx, float ry, float degrees = 0)
    {
        var path = new SKPath();
        path.AddOval(new SKRect(x - rx, y - ry, x + rx, y + ry));
        path.Transform(SKMatrix.CreateRotationDegrees(degrees, x, y));
        return Add(part, path);
    }

    private void Polygon(int part, params (float X, float Y)[] points)
    {
        var path = new SKPath();
        path.AddPoly([.. points.Select(p => new SKPoint(p.X, p.Y))]);
        Add(part, path);
    }

    private void Inside(int part, SKPath outline, float left, float right)
    {
        using var band = new SKPath();
        band.AddRect(new SKRect(left, -2, right, 2));
        Add(part, outline.Op(band, SKPathOp.Intersect));
    }

    private void Keep(int part, SKPath path, SKRect area)
    {
        using var box = new SKPath();
        box.AddRect(area);
        int index = Parts.FindIndex(p => p.Path == path);
        Parts[index] = (part, path.Op(box, SKPathOp.Intersect));
        path.Dispose();
    }

    private void Eyes(float radius, params (float X, float Y)[] centers)
    {
        EyeRadius = radius;
        EyeCenters.AddRange(centers.Select(c => new SKPoint(c.X, c.Y)));
    }

    private void Anchors(float hatX, float hatY, float hatHalfWidth, float handX, float handY, float topX, float topY)
    {
        Hat = (new SKPoint(hatX, hatY), hatHalfWidth);
        Hand = new SKPoint(handX, handY);
        Top = new SKPoint(topX, topY);
    }
}
