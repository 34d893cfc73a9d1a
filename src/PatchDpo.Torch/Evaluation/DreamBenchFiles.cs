using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Evaluation;

/// <summary>What a folder has of the files that DreamBench asks for, and what it lacks. No file is opened.</summary>
public sealed class DreamBenchFiles
{
    private const string PhotoEnding = ".jpg", GenerationEnding = ".png";

    private DreamBenchFiles(IReadOnlyList<DreamBenchFile> found, IReadOnlyList<string> missing, IReadOnlyList<string> stray)
        => (Found, Missing, Stray) = (found, missing, stray);

    /// <summary>The files that are asked for and there, subject by subject.</summary>
    public IReadOnlyList<DreamBenchFile> Found { get; }

    /// <summary>The files that are asked for and not there, relative to the folder.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>The files that are there and not of the benchmark, relative to the folder.</summary>
    public IReadOnlyList<string> Stray { get; }

    /// <summary>Whether the folder has what is asked for, and nothing else.</summary>
    public bool IsExact => Missing.Count + Stray.Count == 0;

    /// <summary>
    /// Looks for generations in the layout that the official evaluation reads, <c>subject/prompt.png</c>: 30 subjects, 25 prompts each. Other image
    /// formats have their own endings.
    /// </summary>
    /// <param name="folder">The folder; every other file below it is stray, but for what desktops leave behind (<see cref="FolderFiles"/>).</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static DreamBenchFiles FindGenerations(string folder)
    {
        string[] files = [.. FolderFiles.Files(folder, recursive: true).Select(f => Path.GetRelativePath(folder, f))];
        HashSet<string> left = files.ToHashSet(StringComparer.Ordinal);
        List<DreamBenchFile> found = [];
        List<string> missing = [];
        foreach (DreamBenchSubject subject in DreamBench.Subjects)
            foreach (string prompt in DreamBench.Prompts(subject))
            {
                string name = Path.Combine(subject.Name, prompt), file = name + GenerationEnding;
                // The official ending, or another that an image of that name has.
                if (!left.Contains(file))
                    file = ImageFormats.Endings.Select(e => name + e).FirstOrDefault(left.Contains, file);
                if (left.Remove(file))
                    found.Add(new DreamBenchFile(subject, prompt, Path.Combine(folder, file)));
                else
                    missing.Add(file);
            }
        return new DreamBenchFiles(found, missing, [.. files.Where(left.Contains)]);
    }

    /// <summary>Looks for the data set's photos, <c>subject/00.jpg</c> and on.</summary>
    /// <param name="folder">The data set's folder; of other files, only images in a subject's folder that are none of its photos are stray.</param>
    /// <param name="setting">Original: all photos; Kosmos-G: the chosen one of each subject.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static DreamBenchFiles FindPhotos(string folder, DreamBenchSetting setting)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no folder '{folder}'.");
        List<DreamBenchFile> found = [];
        List<string> missing = [], stray = [];
        foreach (DreamBenchSubject subject in DreamBench.Subjects)
        {
            string subfolder = Path.Combine(folder, subject.Name);
            ILookup<string, string> images = (Directory.Exists(subfolder) ? FolderFiles.Files(subfolder) : [])
                .Where(f => ImageFormats.HasImageEnding(f))
                .ToLookup(f => Path.GetFileNameWithoutExtension(f)!, StringComparer.Ordinal);
            foreach (string photo in setting == DreamBenchSetting.Original ? subject.Photos : [subject.SelectedPhoto])
            {
                if (images[photo].FirstOrDefault() is string file)
                    found.Add(new DreamBenchFile(subject, photo, file));
                else
                    missing.Add(Path.Combine(subject.Name, photo + PhotoEnding));
            }
            // A photo that is there in two formats would be one too many.
            stray.AddRange(images.SelectMany(i => subject.Photos.Contains(i.Key) ? i.Skip(1) : i).Select(f => Path.GetRelativePath(folder, f)));
        }
        return new DreamBenchFiles(found, missing, stray);
    }
}
