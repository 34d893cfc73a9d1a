using PatchDpo.Tool.Evaluate;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Reproduce;

/// <summary>Draws a benchmark's images, batch by batch, and leaves alone what is there.</summary>
internal static class BenchmarkDrawing
{
    /// <summary>Whether any image is yet to be drawn.</summary>
    public static bool IsDone(IReadOnlyList<ProductImage> images) => images.All(i => File.Exists(i.Path));

    /// <summary>Draws what is missing; every image is a whole file or none.</summary>
    public static void Run(
        PersonalizedModel model, IReadOnlyList<ProductImage> images, GenerationOptions options, string title, CancellationToken cancellationToken)
    {
        PromptWarnings.Print(model.FindTruncatedPrompts([.. images.Select(i => i.Prompt).Distinct()]));
        int done = images.Count(i => File.Exists(i.Path));
        ToolProgress.Run(title, shown =>
        {
            // Batches are always the same ones, whatever was drawn before, because an image depends on its batch in its last bits.
            foreach (ProductImage[] batch in images.Chunk(options.BatchSize))
            {
                ProductImage[] missing = [.. batch.Where(i => !File.Exists(i.Path))];
                if (missing.Length == 0)
                    continue;
                Dictionary<string, ImageBuffer[]> photos = batch.DistinctBy(i => i.Subject)
                    .ToDictionary(i => i.Subject, i => i.Photos.Select(p => ImageFile.Load(p)).ToArray());
                // All images start from the same noise, as with the official script, before the tuning and after it.
                GenerationRequest[] requests = [.. batch.Select(i => new GenerationRequest(i.Prompt, photos[i.Subject]) { NoiseIndex = 0 })];
                IReadOnlyList<ImageBuffer> drawn = model.Generate(requests, options, new DirectProgress<GenerationProgress>(p => shown.Report(
                    done + (missing.Length * (p.Step - 1) / (double)p.Steps), images.Count,
                    $"{title}: {done} of {images.Count} images; step {p.Step} of {p.Steps}")), cancellationToken);
                foreach ((ProductImage image, ImageBuffer picture) in batch.Zip(drawn))
                {
                    if (!missing.Contains(image))
                        continue;
                    Directory.CreateDirectory(Path.GetDirectoryName(image.Path)!);
                    ImageFile.SavePng(image.Path, picture);
                }
                done += missing.Length;
                shown.Report(done, images.Count, $"{title}: {done} of {images.Count} images");
            }
            return done;
        });
    }
}
