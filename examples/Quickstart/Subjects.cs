using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using ProceduralCharacters;

namespace Quickstart;

/// <summary>Draws characters, or takes a user's photos, as references.</summary>
internal static class Subjects
{
    /// <summary>Draws characters on white, all different.</summary>
    public static IReadOnlyList<Subject> Draw(int count, int seed, string folder)
    {
        Directory.CreateDirectory(folder);
        return Enumerable.Range(0, count).Select(i =>
        {
            Character character = Character.Random((seed * 1_000_003) + i, (CharacterKind)(i % 6));
            string name = $"{character.Kind.ToString().ToLowerInvariant()}_{i:D3}";
            string path = Path.Combine(folder, name + ".png");
            ImageFile.SavePng(path, CharacterRenderer.RenderReference(character).Image);
            return new Subject(name, path, character);
        }).ToList();
    }

    /// <summary>Takes every photo below a folder, cut to its central square and scaled to the model's size.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder is not there.</exception>
    /// <exception cref="InvalidDataException">It holds fewer than two photos.</exception>
    public static IReadOnlyList<Subject> FromPhotos(string photos, int seed, int size, string folder)
    {
        if (!Directory.Exists(photos))
            throw new DirectoryNotFoundException($"The folder of photos '{photos}' does not exist.");
        string[] files = FolderFiles.Files(photos, recursive: true).Where(ImageFormats.HasImageEnding).ToArray();
        if (files.Length < 2)
            throw new InvalidDataException(
                $"The folder '{photos}' holds {files.Length} photos ({string.Join(", ", ImageFormats.Endings)}); at least 2 are needed, one to train on and one to hold out.");
        new Random(seed).Shuffle(files);

        Directory.CreateDirectory(folder);
        return files.Select(file =>
        {
            string name = Path.ChangeExtension(Path.GetRelativePath(photos, file), null).Replace(Path.DirectorySeparatorChar, '_');
            string path = Path.Combine(folder, name + ".png");
            ImageFile.SavePng(path, SquareThumbnail(ImageFile.Load(file), size));
            return new Subject(name, path, null);
        }).ToList();
    }

    private static ImageBuffer SquareThumbnail(ImageBuffer photo, int size)
    {
        ImageBuffer rgb = photo.ToRgb();
        int side = Math.Min(rgb.Width, rgb.Height);
        return PillowResize.Resize(rgb.Crop((rgb.Width - side) / 2, (rgb.Height - side) / 2, side, side), size, size, ResampleFilter.Bicubic);
    }
}
