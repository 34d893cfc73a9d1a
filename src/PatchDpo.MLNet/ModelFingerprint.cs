using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;

namespace PatchDpo.MLNet;

/// <summary>Tells whether a model folder or a lone file of weights is still the one that it was.</summary>
internal static class ModelFingerprint
{
    // What a model is read from; a README or a preview image may change without changing the model.
    private static readonly string[] s_extensions = [".safetensors", ".bin", ".pt", ".pth", ".th", ".json", ".txt"];

    /// <summary>
    /// SHA-256 over the names, lengths and contents of the folder's weights, configurations and vocabularies, or over a lone file's length and
    /// content.
    /// </summary>
    /// <param name="folder">The folder or the file.</param>
    /// <param name="ignoredFile">A file in it that the model does not need, or an empty string.</param>
    /// <param name="withLitter">Whether what desktops leave in folders counts, as it did when models were saved by earlier versions.</param>
    /// <exception cref="WeightsFormatException">A pipe, a device or a socket stands in a file's place.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder or file.</exception>
    public static string Of(string folder, string ignoredFile, bool withLitter = false)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        foreach ((string name, string path) in Files(folder, withLitter).Where(f => f.Name != ignoredFile))
        {
            using FileStream stream = RegularFile.OpenRead(path, kind => new WeightsFormatException(path, null, $"this is {kind}, not a model's file."));
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\0{stream.Length}\0"));
            for (int read; (read = stream.Read(buffer)) > 0;)
                hash.AppendData(buffer, 0, read);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // A lone file has no name, so that it may be renamed; an empty one would be that of the ignored file.
    private static IEnumerable<(string Name, string Path)> Files(string folder, bool withLitter)
        => File.Exists(folder) ? [(".", folder)]
            : (withLitter ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories) : FolderFiles.Files(folder, recursive: true))
            .Where(p => s_extensions.Contains(Path.GetExtension(p), StringComparer.OrdinalIgnoreCase))
            .Select(p => (Name: Path.GetRelativePath(folder, p).Replace(Path.DirectorySeparatorChar, '/'), p))
            .OrderBy(f => f.Name, StringComparer.Ordinal);
}
