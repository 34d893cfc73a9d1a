namespace PatchDpo.Fuzz;

/// <summary>What a reader is given: one file, or an index with its shards. The reader opens the first.</summary>
internal sealed record Sample(params Sample.File[] Files)
{
    /// <summary>Length of all files.</summary>
    public long Length => Files.Sum(f => (long)f.Bytes.Length);

    /// <summary>The sample with one file's bytes exchanged.</summary>
    public Sample With(int index, byte[] bytes)
    {
        File[] files = [.. Files];
        files[index] = files[index] with { Bytes = bytes };
        return new Sample(files);
    }

    /// <summary>Writes the files into a folder.</summary>
    /// <returns>The first one's path.</returns>
    public string WriteTo(string folder)
    {
        foreach (File file in Files)
            System.IO.File.WriteAllBytes(Path.Combine(folder, file.Name), file.Bytes);
        return Path.Combine(folder, Files[0].Name);
    }

    /// <summary>A file.</summary>
    public sealed record File(string Name, byte[] Bytes);
}
