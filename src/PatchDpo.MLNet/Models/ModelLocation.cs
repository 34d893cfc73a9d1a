using System.Collections.Concurrent;

namespace PatchDpo.MLNet;

/// <summary>Where a model's weights are, as a saved model stores it: a folder with its fingerprint, or one that comes with this library.</summary>
/// <param name="Embedded">The embedded model's name, or null.</param>
/// <param name="Folder">The folder, or null for an embedded model.</param>
internal sealed record ModelLocation(string? Embedded, string? Folder)
{
    private static readonly ConcurrentDictionary<string, string> s_redirects = new();

    /// <summary>Lets models that were saved with one folder load from another.</summary>
    public static void Redirect(string storedFolder, string folder) => s_redirects[storedFolder] = Path.GetFullPath(folder);

    /// <summary>Stores the location; a folder's full path and fingerprint.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="ignoredFile">A file in the folder that the saved model brings itself, or an empty string.</param>
    public void Write(BinaryWriter writer, string ignoredFile = "")
    {
        writer.Write(Embedded ?? "");
        writer.Write(Folder is null ? "" : Path.GetFullPath(Folder));
        writer.Write(Folder is null ? "" : ModelFingerprint.Of(Folder, ignoredFile));
        writer.Write(ignoredFile);
    }

    /// <summary>Reads a location and checks that its folder is still the same.</summary>
    /// <exception cref="ModelReferenceException">The folder is gone or has changed.</exception>
    public static ModelLocation Read(BinaryReader reader)
    {
        string embedded = reader.ReadString(), stored = reader.ReadString(), fingerprint = reader.ReadString(), ignoredFile = reader.ReadString();
        if (embedded.Length > 0)
            return new ModelLocation(embedded, null);
        string folder = s_redirects.GetValueOrDefault(stored, stored);
        if (!Directory.Exists(folder))
            throw new ModelReferenceException(folder, $"it does not exist. Put the model back there, or call {nameof(PatchDpoComponents)}.{nameof(PatchDpoComponents.RedirectModelFolder)} before loading.");
        string found = ModelFingerprint.Of(folder, ignoredFile);
        if (found != fingerprint)
            throw new ModelReferenceException(folder, $"its files are not those that the model was saved with (SHA-256 {found}, expected {fingerprint}).");
        return new ModelLocation(null, folder);
    }
}
