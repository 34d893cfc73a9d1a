using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Evaluation;

/// <summary>Where an evaluated image and its subject's photos lie.</summary>
/// <param name="image">The generated image's file.</param>
/// <param name="photos">The photos' files.</param>
public sealed class EvaluatedFiles(string image, IReadOnlyList<string> photos)
{
    /// <summary>The generated image's file.</summary>
    public string Image { get; } = image ?? throw new ArgumentNullException(nameof(image));

    /// <summary>The photos' files.</summary>
    public IReadOnlyList<string> Photos { get; } = photos ?? throw new ArgumentNullException(nameof(photos));

    /// <summary>The file of the generated image's mask; null (default): none.</summary>
    public string? Mask { get; init; }

    /// <summary>The files of the photos' masks, as many as photos, null where one has none; empty (default): none.</summary>
    public IReadOnlyList<string?> PhotoMasks { get; init => field = value ?? throw new ArgumentNullException(nameof(PhotoMasks)); } = [];

    /// <summary>Whether a photo without a mask on a plain background counts as its object alone (<see cref="ForegroundMask"/>). Default: false.</summary>
    public bool IgnorePlainBackground { get; init; }

    /// <summary>All files, the images and the masks.</summary>
    internal IEnumerable<string> All => [Image, .. Photos, .. PhotoMasks.Prepend(Mask).OfType<string>()];

    /// <summary>Loads them as a row of an evaluation.</summary>
    /// <param name="subject">The subject.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="samePhotos">A row of the same photos, whose photos and masks are taken in the place of the files; null: none.</param>
    /// <exception cref="FileNotFoundException">A file is not there.</exception>
    /// <exception cref="InvalidImageException">A file is not an image, or a mask holds no object.</exception>
    public EvaluationRow Load(string subject, string prompt, EvaluationRow? samePhotos = null)
    {
        IReadOnlyList<ImageBuffer> photos = samePhotos?.References ?? LoadPhotos();
        return new EvaluationRow(subject, prompt, ImageFile.Load(Image), photos)
        {
            GeneratedMask = LoadMask(Mask),
            ReferenceMasks = samePhotos is not null ? samePhotos.ReferenceMasks
                : IgnorePlainBackground || PhotoMasks.Any(m => m is not null)
                    ? [.. photos.Select((p, i) => LoadMask(PhotoMasks.ElementAtOrDefault(i)) ?? (IgnorePlainBackground ? PlainBackground.Of(p).Object() : null))]
                    : null,
        };
    }

    private ImageBuffer[] LoadPhotos()
    {
        var photos = new ImageBuffer[Photos.Count];
        ParallelItems.For(photos.Length, i => photos[i] = ImageFile.Load(Photos[i]));
        return photos;
    }

    private static bool[,]? LoadMask(string? path)
    {
        if (path is null)
            return null;
        bool[,] mask = ForegroundMask.FromImage(ImageFile.Load(path));
        return mask.Cast<bool>().Contains(true) ? mask : throw new InvalidImageException(path, "the mask holds no object: none of its pixels is light.");
    }
}
