using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Reads and writes the official data set's <c>patch_quality.pkl</c>: <c>maps[k][i] = {"target_map": array, "gene_map": array}</c>.</summary>
/// <remarks>No code of a file runs: it is read by the same safe reader as PyTorch's checkpoints. Layout: PatchDPO's data set class.</remarks>
public static class QualityMapPickle
{
    /// <summary>Reads all maps.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <returns>For each folder <c>sample{k}</c> the pairs of its generated images, in order; what the file holds once is one object here.</returns>
    /// <exception cref="WeightsFormatException">
    /// The file is no pickle of this layout, or a map is not two-dimensional and finite; the key is <c>[k][i].name</c>.
    /// </exception>
    /// <exception cref="UnsafePickleException">The pickle asks for something else than numpy arrays and plain data.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or the path is a folder's.</exception>
    public static IReadOnlyList<IReadOnlyList<QualityMapPair>> Read(string path, TorchCheckpointOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1 << 16);
        object? root = new PickleReader(stream, path, (options ?? new TorchCheckpointOptions()).MaxPickleOperations).Load();
        if (root is not IReadOnlyList<object?> samples)
            throw new WeightsFormatException(
                path, null, $"the pickle holds {PickleReader.Describe(root)} instead of a list with one list of maps for each sample.");
        Dictionary<object, object> read = new(ReferenceEqualityComparer.Instance);
        return [.. samples.Select((sample, k) => ReadSample(path, sample, $"[{k}]", read))];
    }

    /// <summary>Writes maps atomically: the old file stays whole until the new one is complete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maps">For each folder <c>sample{k}</c> the pairs of its generated images, in order.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<IReadOnlyList<QualityMapPair>> maps) => AtomicFile.Write(path, stream => Write(stream, maps));

    /// <summary>Writes maps to a stream, from its current position.</summary>
    /// <param name="stream">A writable stream.</param>
    /// <param name="maps">For each folder <c>sample{k}</c> the pairs of its generated images, in order.</param>
    /// <remarks>Float32 arrays <c>(h,w)</c> in C order, in pickle protocol 3, which every Python 3 reads; the same maps give the same bytes.</remarks>
    public static void Write(Stream stream, IReadOnlyList<IReadOnlyList<QualityMapPair>> maps)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(maps);
        new QualityMapWriter(stream).Write(maps);
    }

    private static QualityMapPair[] ReadSample(string path, object? sample, string place, Dictionary<object, object> read)
        => sample is IReadOnlyList<object?> pairs
        ? Once(read, pairs, () => pairs.Select((pair, i) => ReadPair(path, pair, $"{place}[{i}]", read)).ToArray())
        : throw new WeightsFormatException(path, place, $"the sample is {PickleReader.Describe(sample)} instead of a list.");

    private static QualityMapPair ReadPair(string path, object? pair, string place, Dictionary<object, object> read) => pair is PickleDictionary maps
        ? new QualityMapPair(ReadMap(path, maps.Get("target_map"), $"{place}.target_map", read), ReadMap(path, maps.Get("gene_map"), $"{place}.gene_map", read))
        : throw new WeightsFormatException(path, place, $"the maps are {PickleReader.Describe(pair)} instead of a dictionary.");

    private static QualityMap ReadMap(string path, object? value, string place, Dictionary<object, object> read)
        => value is NumpyArray { Shape: [> 0 and <= int.MaxValue, > 0 and <= int.MaxValue] } array
        ? Once(read, array, () => ToMap(path, array, place))
        : throw new WeightsFormatException(path, place, value is NumpyArray other
            ? $"the map has the shape [{string.Join(",", other.Shape)}] instead of rows and columns."
            : $"the map is {PickleReader.Describe(value)} instead of a numpy array.");

    private static QualityMap ToMap(string path, NumpyArray array, string place)
    {
        float[] values = array.ToFloats();
        int bad = Array.FindIndex(values, v => !float.IsFinite(v));
        return bad < 0
            ? new QualityMap((int)array.Shape[0], (int)array.Shape[1], values)
            : throw new WeightsFormatException(path, place, $"the value in row {bad / array.Shape[1]}, column {bad % array.Shape[1]} is {values[bad]}.");
    }

    // A pickle may refer to one list or array from many places: it is read once, so that nothing grows beyond the file.
    private static T Once<T>(Dictionary<object, object> read, object source, Func<T> make)
        where T : class
    {
        if (!read.TryGetValue(source, out object? made))
            read.Add(source, made = make());
        return (T)made;
    }
}
