using PatchDpo.Torch.Foundation;

namespace PatchDpo.MLNet;

/// <summary>The files of a small model, stored in memory and in saved models; loaders read them from a folder.</summary>
/// <param name="files">Names without a path, and contents.</param>
internal sealed class StoredFiles(IReadOnlyList<(string Name, byte[] Content)> files)
{
    /// <summary>Takes all files of a folder.</summary>
    public static StoredFiles ReadFrom(string folder)
        => new([.. FolderFiles.Files(folder).Select(p => (Path.GetFileName(p), File.ReadAllBytes(p)))]);

    /// <summary>Reads them from a saved model.</summary>
    public static StoredFiles Read(BinaryReader reader)
    {
        var files = new (string, byte[])[reader.ReadInt32()];
        for (int i = 0; i < files.Length; i++)
        {
            // A saved model is not trusted to name a place.
            string name = Path.GetFileName(reader.ReadString());
            int length = reader.ReadInt32();
            byte[] content = reader.ReadBytes(length);
            files[i] = content.Length == length ? (name, content) : throw new InvalidDataException($"The saved model ends within its file '{name}'.");
        }
        return new StoredFiles(files);
    }

    /// <summary>Stores them in a saved model.</summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(files.Count);
        foreach ((string name, byte[] content) in files)
        {
            writer.Write(name);
            writer.Write(content.Length);
            writer.Write(content);
        }
    }

    /// <summary>Puts them into a folder, which is made where it is missing.</summary>
    public void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach ((string name, byte[] content) in files)
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(content));
    }

    /// <summary>Puts them into a folder for as long as something is read from it.</summary>
    public T Use<T>(Func<string, T> read)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-");
        try
        {
            WriteTo(folder.FullName);
            return read(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
