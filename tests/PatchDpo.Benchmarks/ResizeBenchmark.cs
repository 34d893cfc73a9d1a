using System.CommandLine;
using System.Runtime.InteropServices;
using PatchDpo.Torch.Images;
using SkiaSharp;

namespace PatchDpo.Benchmarks;

/// <summary>The Pillow-exact resizer against SkiaSharp's best one.</summary>
internal static class ResizeBenchmark
{
    private static readonly (int From, int To)[] Cases = [(512, 224), (512, 256), (1024, 224), (2048, 224), (2048, 512), (256, 512), (512, 1024)];

    public static Command Command()
    {
        var rounds = new Option<int>("--rounds") { Description = "Measured rounds.", DefaultValueFactory = _ => 31 };
        var image = new Option<FileInfo?>("--image") { Description = "A photo, resized to each case's source size first; default: noise." };
        var command = new Command("resize", "Pillow-exact bicubic and bilinear resizing of RGB against SkiaSharp's high quality.") { rounds, image };
        command.SetAction(result => Run(result.GetValue(rounds), result.GetValue(image)));
        return command;
    }

    private static void Run(int rounds, FileInfo? file)
    {
        ImageBuffer? photo = file is null ? null : ImageFile.Load(file.FullName).ToRgb();
        Console.WriteLine("  from    to   bicubic ms  bilinear ms  Skia high ms  bicubic : Skia");
        foreach ((int from, int to) in Cases)
        {
            ImageBuffer image = photo is null ? Noise(from) : PillowResize.Resize(photo, from, from, ResampleFilter.Bicubic);
            using SKBitmap source = ToBitmap(image);
            using var target = new SKBitmap(to, to, SKColorType.Rgba8888, SKAlphaType.Opaque);
            double[] ms = Timing.Medians(rounds,
                () => PillowResize.Resize(image, to, to, ResampleFilter.Bicubic),
                () => PillowResize.Resize(image, to, to, ResampleFilter.Bilinear),
                () => source.ScalePixels(target, SKFilterQuality.High));
            Console.WriteLine($"{from,6}{to,6}{ms[0],13:F2}{ms[1],13:F2}{ms[2],14:F2}{ms[0] / ms[2],16:F2}");
        }
    }

    private static ImageBuffer Noise(int size)
    {
        byte[] pixels = new byte[size * size * 3];
        new Random(1).NextBytes(pixels);
        return new ImageBuffer(size, size, 3, pixels);
    }

    private static SKBitmap ToBitmap(ImageBuffer image)
    {
        byte[] rgba = new byte[image.Width * image.Height * 4];
        for (int i = 0, j = 0; i < image.Pixels.Length; i += 3, j += 4)
        {
            image.Pixels.AsSpan(i, 3).CopyTo(rgba.AsSpan(j));
            rgba[j + 3] = 255;
        }

        var bitmap = new SKBitmap(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        Marshal.Copy(rgba, 0, bitmap.GetPixels(), rgba.Length);
        return bitmap;
    }
}
