using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.DataConstruction;

/// <summary><c>manifest.json</c>: what a finished folder of pairs holds and how it came about.</summary>
/// <param name="Header">Options and models.</param>
/// <param name="Candidates">All images drawn to be references, in order.</param>
/// <param name="Samples">The samples, in order; the maps lie in the same order.</param>
/// <param name="Files">The files that are no images.</param>
internal sealed record PairManifest(
    PairHeader Header, IReadOnlyList<CandidateRecord> Candidates, IReadOnlyList<SampleRecord> Samples, IReadOnlyList<FileRecord> Files)
{
    /// <summary>Reads and checks a manifest.</summary>
    /// <exception cref="PairFolderException">It is no manifest of this layout.</exception>
    public static PairManifest Read(string path)
    {
        string json = TextFile.Read(path, (problem, inner) => new PairFolderException(path, null, problem, inner));
        PairManifest manifest = PairJson.Parse<PairManifest>(json, path, null);
        if (manifest.Header.Format != PairHeader.CurrentFormat)
            throw new PairFolderException(
                path, "header.format", $"the layout has version {manifest.Header.Format}; this library reads version {PairHeader.CurrentFormat}.");
        return manifest;
    }

    /// <summary>Writes the manifest; it appears whole or not at all.</summary>
    public void Write(string path) => AtomicFile.Write(path, stream => stream.Write(PairJson.Document(this)));
}
