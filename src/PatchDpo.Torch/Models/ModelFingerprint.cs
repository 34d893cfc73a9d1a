using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Models;

/// <summary>Which files a model folder is made of, and whether they are still the ones that they were: the one rule for all who record a model.</summary>
internal static class ModelFingerprint
{
    private static readonly string[] Checkpoints = [.. WeightsFile.Extensions.Where(e => e != ".safetensors")];

    // What a model is read from; a README or a preview image may change without changing the model.
    private static readonly string[] ModelExtensions = [.. WeightsFile.Extensions, ".json", ".txt"];

    /// <summary>SHA-256 over the names, lengths and contents of <see cref="Files"/>.</summary>
    /// <param name="path">The folder or the lone file.</param>
    /// <param name="ignoredFile">A file in it that does not count, or an empty string.</param>
    /// <param name="rule">Which files count.</param>
    /// <exception cref="WeightsFormatException">A pipe, a device or a socket stands in a file's place.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder or file.</exception>
    public static string Of(string path, string ignoredFile = "", ModelFilesRule rule = ModelFilesRule.Current)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        bool isFile = File.Exists(path);
        foreach ((string name, string file) in Files(path, rule).Where(f => f.Name != ignoredFile))
        {
            using FileStream stream = RegularFile.OpenRead(file, kind => NotAFile(file, kind));
            // A lone file has no name, so that it may be renamed; an empty one would be that of the ignored file.
            hash.AppendData(Encoding.UTF8.GetBytes($"{(isFile ? "." : name)}\0{stream.Length}\0"));
            FileHash.Append(hash, stream);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>
    /// The weights, configurations and vocabularies of a folder and all folders in it, by their names with '/', in ordinal order; or a lone file.
    /// What desktops leave behind (<see cref="FolderFiles"/>) does not count, nor do checkpoints beside safetensors, as loading reads neither.
    /// </summary>
    public static IEnumerable<(string Name, string Path)> Files(string path, ModelFilesRule rule = ModelFilesRule.Current)
    {
        if (File.Exists(path))
            return [(Path.GetFileName(path), path)];
        string[] files = [.. (rule == ModelFilesRule.WithLitter ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            : FolderFiles.Files(path, recursive: true)).Where(f => HasExtension(f, ModelExtensions))];
        HashSet<string> safe = rule == ModelFilesRule.Current
            ? [.. files.Where(f => HasExtension(f, [".safetensors"])).Select(f => Path.GetDirectoryName(f)!)] : [];
        return files.Where(f => !HasExtension(f, Checkpoints) || !safe.Contains(Path.GetDirectoryName(f)!))
            .Select(f => (Name: Path.GetRelativePath(path, f).Replace(Path.DirectorySeparatorChar, '/'), Path: f))
            .OrderBy(f => f.Name, StringComparer.Ordinal);
    }

    /// <summary>A pipe, a device or a socket stands in a model file's place.</summary>
    public static WeightsFormatException NotAFile(string path, string kind) => new(path, null, $"this is {kind}, not a model's file.");

    private static bool HasExtension(string file, string[] extensions) => extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase);
}
