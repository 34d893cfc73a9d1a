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

    /// <summary>All files, the images and the masks.</summary>
    internal IEnumerable<string> All => [Image, .. Photos, .. PhotoMasks.Prepend(Mask).OfType<string>()];

    /// <summary>Loads them as a row of an evaluation.</summary>
    /// <param name="subject">The subject.</param>
    /// <param name="prompt">The prompt.</param>
    /// <exception cref="FileNotFoundException">A file is not there.</exception>
    /// <exception cref="InvalidImageException">A file is not an image.</exception>
    public EvaluationRow Load(string subject, string prompt) => new(subject, prompt, ImageFile.Load(Image), [.. Photos.Select(p => ImageFile.Load(p))])
    {
        GeneratedMask = LoadMask(Mask),
        ReferenceMasks = PhotoMasks.Any(m => m is not null) ? [.. PhotoMasks.Select(LoadMask)] : null,
    };

    private static bool[,]? LoadMask(string? path) => path is null ? null : ForegroundMask.FromImage(ImageFile.Load(path));
}
