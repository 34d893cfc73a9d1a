using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Shared;

/// <summary>A folder of masks that is laid out as a folder of images.</summary>
internal static class MaskFolder
{
    /// <summary>The mask of an image: the file of its name, whatever the ending, in the same place.</summary>
    /// <param name="masks">The folder of masks.</param>
    /// <param name="images">The folder of images.</param>
    /// <param name="image">An image in it.</param>
    /// <exception cref="InputException">It has none.</exception>
    public static string Of(string masks, string images, string image)
    {
        string place = Path.Combine(masks, Path.ChangeExtension(Path.GetRelativePath(images, image), null));
        return ImageFormats.Endings.Select(ending => place + ending).FirstOrDefault(File.Exists)
            ?? throw new InputException($"'{image}' has no mask: there is no image '{place}' with an ending such as .png.");
    }
}
