using PatchDpo.Tool.Evaluate;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Reproduce;

/// <summary>A setting of DreamBench: what is referred to, and how strongly.</summary>
/// <param name="Kind">The setting.</param>
/// <param name="Name">Its name in folders, and on command lines.</param>
/// <param name="Title">Its name for people.</param>
/// <param name="AdapterScale">Weight of the references beside the prompt, as the official scripts have it.</param>
internal sealed record BenchmarkSetting(DreamBenchSetting Kind, string Name, string Title, double AdapterScale)
{
    /// <summary>Both settings.</summary>
    public static IReadOnlyList<BenchmarkSetting> All { get; } =
        [new(DreamBenchSetting.Original, "original", "Original", 0.78), new(DreamBenchSetting.KosmosG, "kosmos-g", "Kosmos-G", 0.65)];

    /// <summary>
    /// The images to draw, subject by subject, each with the photos that it refers to and is compared with: all of its subject's, whose tokens are
    /// averaged, or in the Kosmos-G setting the chosen one.
    /// </summary>
    /// <param name="dreamBench">The benchmark's folder.</param>
    /// <param name="subjects">The subjects.</param>
    /// <param name="prompts">How many of each subject's prompts.</param>
    /// <param name="folder">Where the images go, as <c>subject/prompt.png</c>.</param>
    /// <exception cref="InputException">A photo is missing.</exception>
    public ProductImage[] Plan(string dreamBench, IReadOnlyList<DreamBenchSubject> subjects, int prompts, string folder)
    {
        ILookup<DreamBenchSubject, string> photos = DreamBenchFiles.FindPhotos(dreamBench, Kind).Found.ToLookup(p => p.Subject, p => p.Path);
        foreach (DreamBenchSubject subject in subjects)
        {
            int needed = Kind == DreamBenchSetting.Original ? subject.PhotoCount : 1;
            if (photos[subject].Count() is int found && found != needed)
                throw new InputException($"'{dreamBench}' has {found} of the {needed} photos of '{subject.Name}' that the setting {Title} needs.");
        }
        return [.. subjects.SelectMany(s => DreamBench.Prompts(s).Take(prompts).Select(p => new ProductImage(
            s.Name, $"{s.Name}/{p}.png", p, Path.Combine(folder, s.Name, p + ".png"), [.. photos[s]])))];
    }
}
