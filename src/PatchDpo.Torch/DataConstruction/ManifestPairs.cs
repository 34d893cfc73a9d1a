using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>The pairs of a folder with a manifest.</summary>
internal static class ManifestPairs
{
    /// <summary>Reads manifest and maps.</summary>
    /// <exception cref="PairFolderException">The manifest is malformed, or the maps do not fit it.</exception>
    public static IReadOnlyList<PairEntry> Read(string folder, bool verifyHashes)
    {
        string path = Path.Combine(folder, PairLayout.Manifest);
        PairManifest manifest = PairManifest.Read(path);
        if (manifest.Samples.CountBy(s => s.Sample).FirstOrDefault(s => s.Value > 1) is { Value: > 1 } twice)
            throw new PairFolderException(path, $"sample {twice.Key}", "the sample stands there twice.");
        int pairs = manifest.Samples.Count > 0 ? manifest.Samples[0].Generated.Count : 0;
        if (manifest.Samples.FirstOrDefault(s => s.Generated.Count != pairs) is SampleRecord other)
            throw new PairFolderException(path, $"sample {other.Sample}", $"the sample has {other.Generated.Count} generated images, the first one {pairs}.");
        if (verifyHashes)
            foreach ((string file, string sha256) in Hashes(manifest))
                RecordedFile.Check(folder, file, sha256);
        if (manifest.Samples.Count == 0 || pairs == 0)
            return [];

        QualityMapPair[][] maps = StoredMaps.Read(Path.Combine(folder, PairLayout.Maps), manifest.Samples.Count, pairs);
        return
        [
            .. manifest.Samples.SelectMany((s, k) => s.Generated.Select((g, i) => new PairEntry(
                s.Sample, i, s.Prompt, RecordedFile.Locate(folder, s.Reference), RecordedFile.Locate(folder, g.File), maps[k][i].Reference,
                    maps[k][i].Generated))),
        ];
    }

    private static IEnumerable<(string File, string Sha256)> Hashes(PairManifest manifest)
        => manifest.Files.Select(f => (f.File, f.Sha256))
            .Concat(manifest.Candidates.Select(c => (c.File, c.Sha256)))
            .Concat(manifest.Samples.SelectMany(s => s.Generated).Select(g => (g.File, g.Sha256)));
}
