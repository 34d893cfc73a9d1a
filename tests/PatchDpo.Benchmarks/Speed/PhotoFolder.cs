using SkiaSharp;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>JPEG files with pictures that have edges and gradients, each another one; removed with the object.</summary>
internal sealed class PhotoFolder : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-photos-").FullName;

    public PhotoFolder(int count, int side)
    {
        for (int i = 0; i < count; i++)
        {
            Draw(i, side, Path.Combine(_folder, $"{i}.jpg"));
            Files.Add(Path.Combine(_folder, $"{i}.jpg"));
        }
    }

    public List<string> Files { get; } = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Draw(int seed, int side, string path)
    {
        var random = new Random(seed);
        using var bitmap = new SKBitmap(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using (var canvas = new SKCanvas(bitmap))
        {
            using SKShader shader = SKShader.CreateLinearGradient(new(0, 0), new(side, side), [Colour(), Colour(), Colour()], null, SKShaderTileMode.Clamp);
            using var ground = new SKPaint { Shader = shader };
            canvas.DrawRect(0, 0, side, side, ground);
            for (int i = 0; i < 60; i++)
            {
                using var paint = new SKPaint { Color = Colour().WithAlpha(200), IsAntialias = true };
                canvas.DrawCircle(random.Next(side), random.Next(side), random.Next(side / 8) + 2, paint);
            }
        }
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 92);
        File.WriteAllBytes(path, data.ToArray());

        SKColor Colour() => new((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256));
    }
}
