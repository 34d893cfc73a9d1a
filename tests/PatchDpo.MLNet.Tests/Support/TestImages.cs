using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>Rows with images that tests draw.</summary>
internal static class TestImages
{
    public const int Size = 48;

    /// <summary>A coloured square on a gradient; another <paramref name="seed"/> gives another image.</summary>
    public static MLImage Draw(int seed, int size = Size)
    {
        var random = new Random(seed);
        (int r, int g, int b) = (random.Next(256), random.Next(256), random.Next(256));
        (int left, int top) = (random.Next(size / 2), random.Next(size / 2));
        byte[] pixels = new byte[size * size * 4];
        for (int y = 0; y < size; y++)
            for (int x = 0; x < size; x++)
            {
                bool inside = x >= left && x < left + (size / 2) && y >= top && y < top + (size / 2);
                int at = ((y * size) + x) * 4;
                (pixels[at], pixels[at + 1], pixels[at + 2], pixels[at + 3]) = inside
                    ? ((byte)r, (byte)g, (byte)b, (byte)255)
                    : ((byte)(255 * x / size), (byte)(255 * y / size), (byte)128, (byte)255);
            }
        return MLImage.CreateFromPixels(size, size, MLPixelFormat.Rgba32, pixels);
    }

    public static IDataView Rows(MLContext ml, int count)
        => ml.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(i => new ImageRow
        {
            Id = i,
            Prompt = $"a {(i % 2 == 0 ? "red" : "blue")} cube number {i}",
            Image = Draw(i),
        }).ToArray());

    public static IDataView WithoutImages(MLContext ml) => ml.Data.LoadFromEnumerable([new NoImageRow { Id = 1, Prompt = "a cube" }]);

    public static IDataView WrongTypes(MLContext ml) => ml.Data.LoadFromEnumerable([new WrongRow { Image = "not an image", Prompt = 3 }]);

    public sealed class ImageRow
    {
        public int Id { get; set; }

        public string Prompt { get; set; } = "";

        [ImageType(Size, Size)]
        public MLImage? Image { get; set; }
    }

    public sealed class NoImageRow
    {
        public int Id { get; set; }

        public string Prompt { get; set; } = "";
    }

    public sealed class WrongRow
    {
        public string Image { get; set; } = "";

        public float Prompt { get; set; }
    }
}
