using PatchDpo.Tool.Score;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>Finds products and their generated images; the rule is in the command's help.</summary>
/// <param name="Images">The images, by product and name.</param>
/// <param name="Missing">Products without an image.</param>
/// <param name="Stray">Folders of images without a product.</param>
internal sealed record ProductFolders(IReadOnlyList<ProductImage> Images, IReadOnlyList<string> Missing, IReadOnlyList<string> Stray)
{
    /// <summary>Looks into both folders.</summary>
    /// <param name="subjects">A sub-folder of photos for each product, or the photos of a single one.</param>
    /// <param name="generations">A sub-folder of images for each product, or the images of a single one.</param>
    /// <param name="masks">Folders of masks of the images and of the photos, or null, and whether photos are masked by their plain background.</param>
    /// <param name="prompts">A file of prompts; null where the images' names are their prompts.</param>
    /// <exception cref="InputException">There is no photo or no image, or the file of prompts or a folder of masks lacks one.</exception>
    public static ProductFolders Find(
        string subjects, string generations, (string? Generated, string? References, bool IgnorePlainBackground) masks, string? prompts)
    {
        IReadOnlyDictionary<string, string>? promptOf = prompts is null ? null : PromptTable.Read(prompts);
        IReadOnlyList<string> own = PairFolders.Images(subjects);
        List<ProductImage> images = [];
        List<string> missing = [], stray = [];
        if (own.Count > 0)
        {
            string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(subjects));
            string below = Path.Combine(generations, name);
            Add(name, own, Directory.Exists(below) ? below : generations);
        }
        else
        {
            string[] names = [.. Folders(subjects).Where(f => PairFolders.Images(f).Count > 0).Select(f => Path.GetFileName(f))];
            if (names.Length == 0)
                throw new InputException($"'{subjects}' holds no photo, and no folder with photos.");
            foreach (string name in names)
                Add(name, PairFolders.Images(Path.Combine(subjects, name)), Path.Combine(generations, name));
            stray.AddRange(Folders(generations).Select(f => Path.GetFileName(f)).Except(names, StringComparer.Ordinal));
        }
        return images.Count > 0 ? new ProductFolders(images, missing, stray)
            : throw new InputException($"'{generations}' holds no generated image of {string.Join(", ", missing.Take(5))}.");

        void Add(string subject, IReadOnlyList<string> photos, string folder)
        {
            IReadOnlyList<string> found = Directory.Exists(folder) ? PairFolders.Images(folder) : [];
            if (found.Count == 0)
                missing.Add(subject);
            images.AddRange(found.Select(path => Image(subject, path, photos)));
        }

        ProductImage Image(string subject, string path, IReadOnlyList<string> photos)
        {
            string name = Path.GetRelativePath(generations, path).Replace(Path.DirectorySeparatorChar, '/');
            string prompt = promptOf is null ? Path.GetFileNameWithoutExtension(path)
                : promptOf.TryGetValue(name, out string? text) ? text : throw new InputException($"'{prompts}' has no prompt for '{name}'.");
            return new ProductImage(subject, name, prompt, path, photos)
            {
                Files = new EvaluatedFiles(path, photos)
                {
                    Mask = masks.Generated is null ? null : MaskFolder.Of(masks.Generated, generations, path),
                    PhotoMasks = masks.References is null ? [] : [.. photos.Select(p => MaskFolder.Of(masks.References, subjects, p))],
                    IgnorePlainBackground = masks.IgnorePlainBackground,
                },
            };
        }
    }

    private static IEnumerable<string> Folders(string folder) => Directory.Exists(folder)
        ? FolderFiles.Folders(folder).Order(StringComparer.Ordinal)
        : throw new InputException($"There is no folder '{folder}'.");
}
