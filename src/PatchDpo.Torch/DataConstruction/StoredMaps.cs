using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.DataConstruction;

/// <summary><c>maps.safetensors</c>: quality p as it was estimated, float32 <c>(S,K,h,w)</c> for S samples of K pairs.</summary>
internal static class StoredMaps
{
    private const string ReferenceKey = "reference_quality", GeneratedKey = "generated_quality";

    /// <summary>Writes the maps of all pairs, sample by sample.</summary>
    public static void Write(string path, IReadOnlyList<QualityMapPair> maps, int samples)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor All(Func<QualityMapPair, QualityMap> side)
            => stack(maps.Select(m => side(m).ToTensor())).reshape(samples, -1, side(maps[0]).Height, side(maps[0]).Width);
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { [ReferenceKey] = All(m => m.Reference), [GeneratedKey] = All(m => m.Generated) });
    }

    /// <summary>Reads the maps.</summary>
    /// <param name="path">The file.</param>
    /// <param name="samples">S.</param>
    /// <param name="pairs">K.</param>
    /// <exception cref="WeightsFormatException">No safetensors file.</exception>
    /// <exception cref="PairFolderException">A map is missing, has another shape or values that are not finite.</exception>
    public static QualityMapPair[][] Read(string path, int samples, int pairs)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        QualityMap[][] reference = ReadSide(file, ReferenceKey, samples, pairs), generated = ReadSide(file, GeneratedKey, samples, pairs);
        return [.. reference.Zip(generated, (r, g) => r.Zip(g, (a, b) => new QualityMapPair(a, b)).ToArray())];
    }

    private static QualityMap[][] ReadSide(SafetensorsFile file, string key, int samples, int pairs)
    {
        if (!file.Contains(key))
            throw new PairFolderException(file.Path, key, "the file has no such tensor.");
        long[] shape = file.Shape(key);
        if (shape is not [_, _, > 0 and <= int.MaxValue, > 0 and <= int.MaxValue] || shape[0] != samples || shape[1] != pairs)
            throw new PairFolderException(file.Path, key, $"the shape is [{string.Join(",", shape)}], but the manifest has {samples} samples of {pairs} "
                + "pairs, with a map of rows and columns each.");
        Tensor all = file.Read(key, dtype: ScalarType.Float32);
        return
        [
            .. Enumerable.Range(0, samples).Select(s => Enumerable.Range(0, pairs).Select(i =>
            {
                try
                {
                    using DisposeScope scope = NewDisposeScope();
                    return QualityMap.FromTensor(all[s][i]);
                }
                catch (ArgumentException e)
                {
                    throw new PairFolderException(file.Path, $"{key}[{s}][{i}]", e.Message, e);
                }
            }).ToArray()),
        ];
    }
}
