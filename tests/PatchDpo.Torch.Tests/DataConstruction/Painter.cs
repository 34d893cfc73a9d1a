using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.Tests.DataConstruction;

/// <summary>Stands in for a model: draws discs on white, at once, and remembers what it was asked for.</summary>
/// <remarks>
/// Every fifth candidate is noise without a background, every seventh empty, and candidate 6 is candidate 0 again. A pixel of
/// each image depends on the batch that it was drawn in, as the last bits of a real model's images do.
/// </remarks>
internal sealed class Painter
{
    public const int Size = 32;

    /// <summary>The noise of every image that was finished, candidates' from 0 up, generations' from -1 down.</summary>
    public List<long> Painted { get; } = [];

    /// <summary>How many sampling steps were made.</summary>
    public int Steps { get; private set; }

    /// <summary>Called after every step.</summary>
    public Action<int>? AfterStep { get; init; }

    /// <summary>Of which noise generated images have a background of colours instead of a white one.</summary>
    public Func<long, bool> InScene { get; init; } = _ => false;

    public IReadOnlyList<ImageBuffer> Generate(IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken)
    {
        for (int step = 1; step <= options.Steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Steps++;
            progress?.Report(new GenerationProgress(0, requests.Count, step, options.Steps));
            AfterStep?.Invoke(Steps);
        }
        cancellationToken.ThrowIfCancellationRequested();
        int batch = requests.Aggregate((int)options.Seed, (hash, r) => unchecked((hash * 31) + (int)r.NoiseIndex!.Value));
        Painted.AddRange(requests.Select(r => r.NoiseIndex!.Value));
        return [.. requests.Select(r => Draw(r, batch))];
    }

    public static ImageBuffer Disc((int R, int G, int B) colour, double x, double y, double radius)
        => TestImages.Create(Size, Size, (column, row) => Math.Pow(column - x, 2) + Math.Pow(row - y, 2) <= radius * radius ? colour : (255, 255, 255));

    private ImageBuffer Draw(GenerationRequest request, int batch)
    {
        long noise = request.NoiseIndex!.Value;
        ImageBuffer image = request.References.Count == 0 ? Candidate(noise == 6 ? 0 : noise) : Generation(request.References[0].Image, noise);
        image.Pixels[0] = (byte)(250 + Math.Abs(batch % 5));
        return image;
    }

    private static ImageBuffer Candidate(long noise)
    {
        var random = new Random((int)noise);
        if (noise % 5 == 4)
            return TestImages.Blocks((int)noise, Size, Size, 4);
        return Disc((random.Next(200), random.Next(200), random.Next(200)), 12 + random.Next(8), 12 + random.Next(8), noise % 7 == 5 ? 0.5
            : 7 + (2 * random.NextDouble()));
    }

    private ImageBuffer Generation(ImageBuffer reference, long noise)
    {
        if (InScene(noise))
            return TestImages.Blocks((int)noise, Size, Size, 4);
        var random = new Random((int)noise);
        int centre = ((Size / 2 * Size) + (Size / 2)) * 3;
        return Disc((reference.Pixels[centre], reference.Pixels[centre + 1], random.Next(256)), 12 + random.Next(8), 12 + random.Next(8), 8);
    }
}
