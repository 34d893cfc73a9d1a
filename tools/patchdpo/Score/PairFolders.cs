using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Score;

/// <summary>Finds pairs in two folders; the rule is in the command's help.</summary>
internal static class PairFolders
{
    public static IReadOnlyList<ImagePair> Find(string generated, string references, string? masks, string? referenceMasks)
    {
        var pairs = new List<ImagePair>();
        foreach (string path in Images(generated, recursive: true))
        {
            string[] parts = Path.GetRelativePath(generated, path).Split(Path.DirectorySeparatorChar);
            string? subject = parts.Length > 1 ? parts[0] : null;
            string folder = subject is null ? references : Path.Combine(references, subject);
            if (!Directory.Exists(folder))
                throw new InputException($"'{path}': the references have no folder '{folder}'.");
            string[] others = [.. Images(folder).Where(r => r != path)];
            string[] same = [.. others.Where(r => Path.GetFileNameWithoutExtension(r) == Path.GetFileNameWithoutExtension(path))];
            string[] chosen = same.Length > 0 || subject is null ? same : others;
            if (chosen.Length == 0)
                throw new InputException($"'{path}': '{folder}' has no reference for it.");
            pairs.AddRange(chosen.Select(r => new ImagePair
            {
                ReferencePath = r,
                GeneratedPath = path,
                GeneratedMaskPath = masks is null ? "" : MaskFolder.Of(masks, generated, path),
                ReferenceMaskPath = referenceMasks is null ? "" : MaskFolder.Of(referenceMasks, references, r),
            }));
        }

        if (pairs.Count == 0)
            throw new InputException($"'{generated}' holds no image ({string.Join(", ", ImageFormats.Endings)}).");
        // Pairs with one reference stand together, so that it is encoded once.
        return [.. pairs.OrderBy(p => p.ReferencePath, StringComparer.Ordinal)];
    }

    /// <summary>Image files by their ending, in order, with full paths.</summary>
    public static IReadOnlyList<string> Images(string folder, bool recursive = false)
    {
        if (!Directory.Exists(folder))
            throw new InputException($"There is no folder '{folder}'.");
        return [.. FolderFiles.Files(folder, recursive)
            .Where(ImageFormats.HasImageEnding)
            .Select(Path.GetFullPath).Order(StringComparer.Ordinal)];
    }
}
