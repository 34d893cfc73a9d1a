using System.Globalization;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>The pairs of a folder in the official layout, without a manifest.</summary>
internal static class OfficialPairs
{
    /// <summary>Reads the maps and finds their images.</summary>
    /// <exception cref="PairFolderException">Images and maps do not fit each other.</exception>
    public static IReadOnlyList<PairEntry> Read(string folder)
    {
        string pickle = Path.Combine(folder, PairLayout.Pickle);
        if (!File.Exists(pickle))
            throw new PairFolderException(folder, null, $"it has neither '{PairLayout.Manifest}' nor '{PairLayout.Pickle}': this is no folder of pairs.");
        IReadOnlyList<IReadOnlyList<QualityMapPair>> maps = QualityMapPickle.Read(pickle);
        int samples = FolderFiles.Folders(folder).Count(d => SampleNumber(Path.GetFileName(d)) is not null);
        if (samples > maps.Count)
            throw new PairFolderException(pickle, null, $"it has maps of {maps.Count} samples, but there are {samples} folders of samples.");
        return [.. maps.SelectMany((m, k) => Sample(folder, k, m))];
    }

    private static IEnumerable<PairEntry> Sample(string root, int sample, IReadOnlyList<QualityMapPair> maps)
    {
        string folder = Path.Combine(root, PairLayout.SamplePrefix + sample.ToString(CultureInfo.InvariantCulture));
        if (!Directory.Exists(folder))
            throw new PairFolderException(folder, null, "the folder is missing, although there are maps for it.");
        string[] files = [.. FolderFiles.Files(folder).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
        string[] references = [.. files.Where(f => f.EndsWith(PairLayout.ReferenceSuffix, StringComparison.Ordinal))];
        if (references.Length != 1)
            throw new PairFolderException(folder, null, references.Length == 0
                ? $"there is no reference, a file whose name ends in '{PairLayout.ReferenceSuffix}'."
                : $"there are {references.Length} references: '{string.Join("', '", references)}'.");
        string prompt = references[0][..^PairLayout.ReferenceSuffix.Length];
        string next = PairLayout.GeneratedSuffix(maps.Count, ImageFormat.Png);
        if (files.FirstOrDefault(f => f.EndsWith(next, StringComparison.Ordinal)) is string extra)
            throw new PairFolderException(folder, extra, $"there are maps of {maps.Count} generated images only.");
        for (int i = 0; i < maps.Count; i++)
        {
            string suffix = PairLayout.GeneratedSuffix(i, ImageFormat.Png);
            string[] generated = [.. files.Where(f => f.EndsWith(suffix, StringComparison.Ordinal))];
            if (generated.Length != 1 || generated[0] != prompt + suffix)
                throw new PairFolderException(folder, null, generated.Length switch
                {
                    0 => $"there are maps of '{prompt}{suffix}', but there is no such file.",
                    1 => $"the generated image '{generated[0]}' has another prompt than the reference '{references[0]}'.",
                    _ => $"the generated image {i} stands there {generated.Length} times: '{string.Join("', '", generated)}'.",
                });
            yield return new PairEntry(sample, i, prompt, Path.Combine(folder, references[0]), Path.Combine(folder, generated[0]), maps[i].Reference,
                maps[i].Generated);
        }
    }

    private static int? SampleNumber(string name)
        => name.StartsWith(PairLayout.SamplePrefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(PairLayout.SamplePrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
