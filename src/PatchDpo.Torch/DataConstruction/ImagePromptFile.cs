using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.DataConstruction;

/// <summary><c>references.jsonl</c>, which says what the image prompts of a folder's samples are: a line of JSON for each object of a sample.</summary>
internal static class ImagePromptFile
{
    /// <summary>Gives the pairs their image prompts, where the folder has the file.</summary>
    /// <param name="folder">The folder of pairs.</param>
    /// <param name="pairs">Its pairs.</param>
    /// <exception cref="PairFolderException">A line is malformed or names what is not there, or a sample has no line.</exception>
    public static IReadOnlyList<PairEntry> AddTo(string folder, IReadOnlyList<PairEntry> pairs)
    {
        string path = Path.Combine(folder, PairLayout.ImagePrompts);
        if (!Path.Exists(path))
            return pairs;
        Dictionary<int, string> references = pairs.DistinctBy(p => p.Sample).ToDictionary(p => p.Sample, p => p.ReferencePath);
        Dictionary<int, List<PairImagePrompt>> prompts = references.ToDictionary(r => r.Key, _ => new List<PairImagePrompt>());
        string[] lines = TextFile.Read(path, (problem, inner) => new PairFolderException(path, null, problem, inner)).Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i]))
                continue;
            string place = $"line {i + 1}";
            ImagePromptLine line = PairJson.Parse<ImagePromptLine>(lines[i], path, place);
            if (!prompts.TryGetValue(line.Sample, out List<PairImagePrompt>? ofSample))
                throw new PairFolderException(path, place, $"the folder has no sample {line.Sample}.");
            ofSample.Add(Read(line, references[line.Sample], folder, problem => new PairFolderException(path, place, problem)));
        }
        if (prompts.FirstOrDefault(p => p.Value.Count == 0) is { Value: not null } bare)
            throw new PairFolderException(path, $"sample {bare.Key}", "no line gives the sample an image prompt; each sample needs at least one.");
        return [.. pairs.Select(p => p with { ImagePrompts = prompts[p.Sample] })];
    }

    private static PairImagePrompt Read(ImagePromptLine line, string reference, string folder, Func<string, PairFolderException> fault)
    {
        string image = line.Image is null ? reference : Locate(line.Image);
        string mask = line.Mask is null ? ReferenceImage.MaskFileOf(image) : Locate(line.Mask);
        if (line.Name is not null && string.IsNullOrWhiteSpace(line.Name))
            throw fault("the name is empty.");
        if (line.Scale is not (null or (>= 0 and <= ArgumentRange.LargestScale)))
            throw fault(FormattableString.Invariant($"the scale is {line.Scale}; it lies in [0, {ArgumentRange.LargestScale}]."));
        return new PairImagePrompt(image)
        {
            PhotoPaths = [.. (line.Photos ?? []).Select(photo => Locate(photo ?? throw fault("null stands among the photos.")))],
            MaskPath = File.Exists(mask) ? mask : null,
            Name = line.Name,
            Box = line.Box is null ? null : BoxOf(line.Box),
            Scale = line.Scale,
        };

        string Locate(string file)
        {
            string path = RecordedFile.Find(folder, file) ?? throw fault($"'{file}' is not a path below the folder.");
            return File.Exists(path) ? path : throw fault($"the file '{file}' is missing.");
        }

        LayoutBox BoxOf(double[] edges)
        {
            if (edges.Length != 4)
                throw fault($"the box has {edges.Length} values; it has left, top, right and bottom.");
            try
            {
                return new LayoutBox(edges[0], edges[1], edges[2], edges[3]);
            }
            catch (ArgumentOutOfRangeException)
            {
                throw fault(FormattableString.Invariant($"the box [{edges[0]}, {edges[1]}, {edges[2]}, {edges[3]}] does not lie in the picture, whose edges ")
                    + "are 0 and 1, or is empty.");
            }
        }
    }
}
