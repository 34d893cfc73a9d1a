using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Reads a data set of pairs: a folder that <see cref="PairBuilder"/> made, or one in the official layout alone.</summary>
/// <remarks>
/// The official layout is <c>sample{k}/{prompt}_entity_0.png</c>, <c>sample{k}/{prompt}_gen_{i}.png</c> and
/// <c>patch_quality.pkl</c> beside the samples. No code of a file runs, and the paths that a manifest names are used only
/// where they lie below the folder. Images are not opened before they are asked for. In either kind of folder <c>references.jsonl</c>
/// may give each sample its image prompts (<see cref="PairEntry.ImagePrompts"/>).
/// </remarks>
public sealed class PairFolder
{
    // Cosines leave [-1, 1] by rounding only.
    private const float Slack = 1e-3f;

    // Enough for the cores of a usual machine, and little memory.
    private const int PairsAhead = 4;

    private PairFolder(string path, IReadOnlyList<PairEntry> pairs)
    {
        Path = path;
        Pairs = pairs;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Its pairs, at least one: sample by sample, in order of the generated images. All maps of them have one grid.</summary>
    public IReadOnlyList<PairEntry> Pairs { get; }

    /// <summary>Opens a folder and checks all of it but the images' pixels.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="verifyHashes">Whether every file is compared with the SHA-256 in the manifest; reads all images.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="PairFolderException">
    /// The build of it is not finished; a pair lacks a file or stands there twice; a map is missing, has another grid than the
    /// others, or a value outside [-1, 1]; the manifest is malformed, or its hash of a file differs; <c>references.jsonl</c> names a file that is not
    /// there or outside the folder, has a bad box, name or scale, or leaves a sample out.
    /// </exception>
    /// <exception cref="WeightsFormatException">A file of maps is malformed, or has a value that is not finite.</exception>
    /// <exception cref="UnsafePickleException">The pickle asks for something else than numpy arrays and plain data.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static PairFolder Open(string folder, bool verifyHashes = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        folder = System.IO.Path.GetFullPath(folder);
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"There is no folder '{folder}'.");
        IReadOnlyList<PairEntry> pairs;
        if (File.Exists(System.IO.Path.Combine(folder, PairLayout.Manifest)))
            pairs = ManifestPairs.Read(folder, verifyHashes);
        else if (File.Exists(System.IO.Path.Combine(folder, PairLayout.Journal)))
            throw new PairFolderException(folder, PairLayout.Journal, "the data set is not finished; build it again with the same options to continue.");
        else
            pairs = OfficialPairs.Read(folder);
        if (pairs.Count == 0)
            throw new PairFolderException(folder, null, "the folder holds no pair.");
        Check(folder, pairs);
        return new PairFolder(folder, ImagePromptFile.AddTo(folder, pairs));
    }

    /// <summary>Reads the pairs with their images, one after another. The pairs of a sample share one reference, so that training encodes it once.</summary>
    /// <remarks>
    /// A reference's mask is read where it lies beside it (<see cref="ReferenceImage.MaskFileOf"/>). Where the folder has <c>references.jsonl</c>, the
    /// image prompts are those that it names. Files of the next few pairs are decoded on other threads meanwhile; what is wrong with one is told when
    /// its pair is asked for.
    /// </remarks>
    /// <param name="options">Limits on the images; null for the defaults.</param>
    /// <exception cref="InvalidImageException">A file is not an image, or is damaged or too large.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public IEnumerable<TrainingPair> Read(ImageDecodeOptions? options = null) => Read(options, PairsAhead);

    /// <summary>The same.</summary>
    /// <param name="options">Limits on the images; null for the defaults.</param>
    /// <param name="ahead">Of how many pairs files are decoded before they are asked for, at most.</param>
    internal IEnumerable<TrainingPair> Read(ImageDecodeOptions? options, int ahead)
    {
        Queue<Task<TrainingPair>> begun = new();
        try
        {
            int? sample = null;
            Task<(ReferenceImage Reference, ReferenceImage[]? Prompts)>? shown = null;
            foreach (PairEntry pair in Pairs)
            {
                if (shown is null || sample != pair.Sample)
                    (sample, shown) = (pair.Sample, Task.Run(() => ReadReferences(pair, options)));
                begun.Enqueue(ReadPair(pair, shown, options));
                if (begun.Count > ahead)
                    yield return begun.Dequeue().GetAwaiter().GetResult();
            }
            while (begun.Count > 0)
                yield return begun.Dequeue().GetAwaiter().GetResult();
        }
        finally
        {
            // No file is read any more when the reader has left; what is wrong with pairs that nobody asked for is nobody's fault.
            Task.WhenAny(Task.WhenAll(begun)).Wait();
        }
    }

    private static (ReferenceImage Reference, ReferenceImage[]? Prompts) ReadReferences(PairEntry pair, ImageDecodeOptions? options)
        => (ReferenceImage.FromFile(pair.ReferencePath, options), pair.ImagePrompts is null ? null : [.. pair.ImagePrompts.Select(p => p.Read(options))]);

    private static async Task<TrainingPair> ReadPair(
        PairEntry pair, Task<(ReferenceImage Reference, ReferenceImage[]? Prompts)> shown, ImageDecodeOptions? options)
    {
        Task<ImageBuffer> generated = Task.Run(() => ImageFile.Load(pair.GeneratedPath, options));
        // A fault of the reference is told first, but only when both are read.
        await Task.WhenAny(generated).ConfigureAwait(false);
        (ReferenceImage reference, ReferenceImage[]? prompts) = await shown.ConfigureAwait(false);
        return new TrainingPair(pair.Prompt, reference.Image, await generated.ConfigureAwait(false), pair.ReferenceQuality, pair.GeneratedQuality)
        {
            ImagePrompts = prompts ?? (reference.Mask is null ? null : [reference]),
        };
    }

    private static void Check(string folder, IReadOnlyList<PairEntry> pairs)
    {
        HashSet<(int, int)> known = [];
        foreach (PairEntry pair in pairs)
        {
            string place = $"sample {pair.Sample}, generation {pair.Index}";
            if (!known.Add((pair.Sample, pair.Index)))
                throw new PairFolderException(folder, place, "the pair stands there twice.");
            if (string.IsNullOrWhiteSpace(pair.Prompt))
                throw new PairFolderException(folder, place, "the pair's prompt is empty.");
            foreach (string file in new[] { pair.ReferencePath, pair.GeneratedPath })
                if (!File.Exists(file))
                    throw new PairFolderException(folder, place, $"the pair's file '{file}' is missing.");
            CheckMap(pair.ReferenceQuality, pairs[0].ReferenceQuality, "the reference's map");
            CheckMap(pair.GeneratedQuality, pairs[0].GeneratedQuality, "the generated image's map");

            void CheckMap(QualityMap map, QualityMap first, string name)
            {
                if ((map.Height, map.Width) != (first.Height, first.Width))
                    throw new PairFolderException(
                        folder, place, $"{name} has {map.Height} x {map.Width} patches, that of the first pair {first.Height} x {first.Width}.");
                int bad = Array.FindIndex(map.Values, v => v is < -1 - Slack or > 1 + Slack);
                if (bad >= 0)
                    throw new PairFolderException(folder, place, $"the value in row {bad / map.Width}, column {bad % map.Width} of {name} is "
                        + $"{map.Values[bad]}; a quality lies in [-1, 1].");
            }
        }
    }
}
