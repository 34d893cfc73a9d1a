using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace PatchDpo.Benchmarks.Streaming;

/// <summary>A synthetic row: its images and prompt are a few's, its quality maps are its own.</summary>
internal sealed class StreamedPair
{
    private const int Side = 32, Images = 16, Prompts = 8;

    public string Prompt { get; set; } = "";

    [ImageType(Side, Side)]
    public MLImage? Reference { get; set; }

    [ImageType(Side, Side)]
    public MLImage? Generated { get; set; }

    [VectorType(4, 4)]
    public float[] ReferenceQuality { get; set; } = [];

    [VectorType(4, 4)]
    public float[] GeneratedQuality { get; set; } = [];

    /// <summary>Rows that are made while they are read.</summary>
    public static IEnumerable<StreamedPair> Rows(int count)
    {
        MLImage[] images = [.. Enumerable.Range(0, Images).Select(Draw)];
        for (int i = 0; i < count; i++)
        {
            yield return new StreamedPair
            {
                Prompt = $"a cube number {i % Prompts}",
                Reference = images[i % Images],
                Generated = images[(i / Images) % Images],
                ReferenceQuality = Quality(i),
                GeneratedQuality = Quality(i + 1),
            };
        }
    }

    private static MLImage Draw(int number)
    {
        byte[] pixels = new byte[Side * Side * 4];
        new Random(number).NextBytes(pixels);
        return MLImage.CreateFromPixels(Side, Side, MLPixelFormat.Bgra32, pixels);
    }

    private static float[] Quality(int number) => [.. Enumerable.Range(0, 16).Select(n => ((number * 31) + n) % 101 / 100f)];
}
