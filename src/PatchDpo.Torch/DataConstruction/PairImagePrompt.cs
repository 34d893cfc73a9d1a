using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>An object of a sample in a folder of pairs, as <c>references.jsonl</c> has it, with its images still on the disk.</summary>
public sealed class PairImagePrompt
{
    internal PairImagePrompt(string imagePath) => ImagePath = imagePath;

    /// <summary>The object's picture.</summary>
    public string ImagePath { get; }

    /// <summary>Further photos of the same object (<see cref="ReferenceImage.OtherPhotos"/>).</summary>
    public IReadOnlyList<string> PhotoPaths { get; internal init; } = [];

    /// <summary>The picture's mask: the one named, or one that lies beside the picture (<see cref="ReferenceImage.MaskFileOf"/>); null: none.</summary>
    public string? MaskPath { get; internal init; }

    /// <summary>The object's name as the prompt has it; null: none.</summary>
    public string? Name { get; internal init; }

    /// <summary>Where the object is in both pictures of a pair; null: not said.</summary>
    public LayoutBox? Box { get; internal init; }

    /// <summary>The object's weight beside the text, 0 to 65,504; null: the adapter's.</summary>
    public double? Scale { get; internal init; }

    /// <summary>Reads its images.</summary>
    /// <param name="options">Limits on the images; null for the defaults.</param>
    /// <exception cref="InvalidImageException">A file is not an image, or is damaged or too large.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public ReferenceImage Read(ImageDecodeOptions? options = null) => new(ImageFile.Load(ImagePath, options))
    {
        OtherPhotos = [.. PhotoPaths.Select(path => ImageFile.Load(path, options))],
        Mask = MaskPath is null ? null : ImageFile.Load(MaskPath, options),
        Name = Name,
        Box = Box,
        Scale = Scale,
    };
}
