using System.Globalization;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Batches of images that shards have drawn for a data set, each in a folder that is renamed when it is whole.</summary>
/// <remarks>A batch is known by its first image's noise. Whoever draws one claims it; the claim of a killed process counts for nothing.</remarks>
internal sealed class DrawnImages
{
    private const string HeaderFile = "header.json";

    private readonly string _folder;

    private DrawnImages(string folder) => _folder = folder;

    /// <summary>Opens a data set's, or begins them.</summary>
    /// <param name="folder">The data set's folder.</param>
    /// <param name="header">What it is built with.</param>
    /// <exception cref="PairFolderMismatchException">They were begun with something else.</exception>
    public static DrawnImages Open(string folder, PairHeader header)
    {
        var drawn = new DrawnImages(Directory.CreateDirectory(Path.Combine(folder, PairLayout.Drawn)).FullName);
        string path = Path.Combine(drawn._folder, HeaderFile);
        if (!File.Exists(path))
            drawn.Write(path, header);
        drawn.Check(folder, header);
        return drawn;
    }

    /// <summary>A data set's; null where no shard has worked.</summary>
    /// <exception cref="PairFolderMismatchException">They are of something else.</exception>
    public static DrawnImages? Find(string folder, PairHeader header)
    {
        var drawn = new DrawnImages(Path.Combine(folder, PairLayout.Drawn));
        if (!File.Exists(Path.Combine(drawn._folder, HeaderFile)))
            return null;
        drawn.Check(folder, header);
        return drawn;
    }

    /// <summary>Whether a batch is drawn.</summary>
    public bool Has(GenerationRequest first) => Directory.Exists(FolderOf(first));

    /// <summary>A batch's images; null where it is not drawn.</summary>
    public IReadOnlyList<ImageBuffer>? TryRead(IReadOnlyList<GenerationRequest> requests)
        => Has(requests[0]) ? [.. requests.Select((_, i) => ImageFile.Load(FileOf(FolderOf(requests[0]), i)))] : null;

    /// <summary>Draws a batch unless it is there, or another process draws it: then false.</summary>
    /// <param name="requests">The batch.</param>
    /// <param name="shard">Who draws, for those who wait.</param>
    /// <param name="draw">Draws it.</param>
    public bool TryDraw(IReadOnlyList<GenerationRequest> requests, int shard, Func<IReadOnlyList<ImageBuffer>> draw)
    {
        string folder = FolderOf(requests[0]), unfinished = folder + PairLayout.TemporarySuffix;
        using FolderLock? claim = FolderLock.TryTake(_folder, NameOf(requests[0]) + ".lock");
        if (claim is null)
            return false;
        if (Directory.Exists(folder))
            return true;
        File.WriteAllText(ClaimOf(requests[0]), shard.ToString(CultureInfo.InvariantCulture));
        IReadOnlyList<ImageBuffer> images = draw();
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        Directory.CreateDirectory(unfinished);
        for (int i = 0; i < images.Count; i++)
        {
            byte[] bytes = ImageFile.Encode(images[i], ImageFormat.Png);
            AtomicFile.Write(FileOf(unfinished, i), stream => stream.Write(bytes));
        }
        Directory.Move(unfinished, folder);
        File.Delete(ClaimOf(requests[0]));
        return true;
    }

    /// <summary>Which shard draws a batch, or was about to when it ended; null where nobody has begun.</summary>
    public int? DrawerOf(GenerationRequest first)
        => File.Exists(ClaimOf(first)) && int.TryParse(File.ReadAllText(ClaimOf(first)), NumberStyles.None, CultureInfo.InvariantCulture, out int shard) ? shard : null;

    /// <summary>Removes those of a data set that is finished.</summary>
    public static void Delete(string folder)
    {
        string drawn = Path.Combine(folder, PairLayout.Drawn);
        if (Directory.Exists(drawn))
            Directory.Delete(drawn, recursive: true);
    }

    // Of several that begin at the same time one is the first.
    private void Write(string path, PairHeader header)
    {
        string temporary = $"{path}.{Path.GetRandomFileName()}{PairLayout.TemporarySuffix}";
        AtomicFile.Write(temporary, stream => stream.Write(PairJson.Line(header)));
        try
        {
            File.Move(temporary, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(temporary);
        }
    }

    private void Check(string folder, PairHeader header)
    {
        string path = Path.Combine(_folder, HeaderFile);
        string text = TextFile.Read(path, (problem, inner) => new PairFolderException(path, null, problem, inner));
        if (PairJson.Parse<PairHeader>(text, path, "line 1").ChangesTo(header) is { Count: > 0 } changes)
            throw new PairFolderMismatchException(folder, changes);
    }

    private static string NameOf(GenerationRequest first) => first.NoiseIndex!.Value.ToString(CultureInfo.InvariantCulture);

    private string FolderOf(GenerationRequest first) => Path.Combine(_folder, NameOf(first));

    private string ClaimOf(GenerationRequest first) => FolderOf(first) + ".claim";

    private static string FileOf(string folder, int place) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{place}.png"));
}
