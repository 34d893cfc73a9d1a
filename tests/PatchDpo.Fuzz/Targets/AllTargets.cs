using PatchDpo.Fuzz.Mutations;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Onnx;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;

namespace PatchDpo.Fuzz.Targets;

/// <summary>The readers under test.</summary>
internal static class AllTargets
{
    private static readonly Type[] OfCheckpoints = [typeof(WeightsFormatException), typeof(UnsafePickleException)];

    public static readonly string[] Names = ["safetensors", "safetensors-mapped", "torch-zip", "torch-legacy", "quality-map", "sharded", "any", "image", "onnx"];

    /// <summary>All readers, in the order of their names.</summary>
    public static IEnumerable<Target> Create()
    {
        int sharing = new TorchCheckpointOptions().MaxSharing;
        Mutation[] index = [JsonMutations.Change, JsonMutations.Change, .. SafetensorsMutations.All];
        yield return new(Names[0], Corpus.Safetensors(), SafetensorsMutations.All, (path, log)
            => ReadSafetensors(path, log, new()), [typeof(WeightsFormatException)]);
        yield return new(Names[1], Corpus.Safetensors(), SafetensorsMutations.All, (path, log)
            => ReadSafetensors(path, log, new() { MemoryMap = true }), [typeof(WeightsFormatException)]);
        yield return new(Names[2], Corpus.ZipCheckpoints(), ZipMutations.All, ReadCheckpoint, OfCheckpoints, sharing);
        yield return new(Names[3], Corpus.LegacyCheckpoints(), [PickleMutations.ChangeLegacy], ReadCheckpoint, OfCheckpoints, sharing);
        yield return new(Names[4], Corpus.QualityMaps(), [PickleMutations.ChangeOne], ReadQualityMaps, OfCheckpoints, QualityMapSharing);
        yield return new(Names[5], Corpus.Sharded(), index, ReadAny, [.. OfCheckpoints, typeof(ModelFileNotFoundException)], sharing);
        yield return new(
            Names[6], [.. Corpus.Safetensors(), .. Corpus.ZipCheckpoints(), .. Corpus.LegacyCheckpoints(), .. Corpus.Sharded(), .. Corpus.Onnx()],
            [.. index, .. ZipMutations.All, PickleMutations.ChangeLegacy], ReadAny, [.. OfCheckpoints, typeof(ModelFileNotFoundException)], sharing);
        yield return new(Names[7], ImageCorpus.All(), ImageMutations.All, ReadImage, [typeof(InvalidImageException), typeof(ImageTooLargeException)],
            int.MaxValue);
        yield return new(Names[8], Corpus.Onnx(), [], ReadOnnx, [typeof(WeightsFormatException), typeof(UnknownModelException)]);
    }

    // A byte of the file becomes a float of four.
    private const int QualityMapSharing = 4;

    private static void ReadSafetensors(string path, ReadLog log, SafetensorsOptions options)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, options);
        ReadAll(file, log);
        file.FindNonFinite();
    }

    private static void ReadCheckpoint(string path, ReadLog log)
    {
        using TorchCheckpoint file = TorchCheckpoint.Open(path);
        ReadAll(file, log);
        foreach ((string name, object value) in file.Values)
        {
            if (name.Length > 1000 || value is not (long or double or bool or string))
                throw new InvalidOperationException($"The value '{name}' is a {value.GetType()}.");
        }
    }

    // The graph is followed as well; a sound file may have another than a ResNet's.
    private static void ReadOnnx(string path, ReadLog log)
    {
        using OnnxFile file = OnnxFile.Open(path);
        ReadAll(file, log);
        if (file.Inputs.Count == 1)
            OnnxResNetGraph.StateDict(file);
    }

    private static void ReadAny(string path, ReadLog log)
    {
        using ITensorFile file = WeightsFile.Open(path);
        ReadAll(file, log);
    }

    // Compressed pixels become many: what counts is that a small limit holds whatever the header says.
    private static void ReadImage(string path, ReadLog log) => log.Take(ImageFile.Load(path, new ImageDecodeOptions { MaxPixels = 1 << 14 }).Pixels.Length);

    private static void ReadAll(ITensorFile file, ReadLog log)
    {
        foreach (string key in file.Keys)
        {
            if (!file.Contains(key))
                throw new InvalidOperationException("A key of the file's own list is not contained.");
            log.Take(file, key);
        }
        foreach ((string name, string value) in file.Metadata)
            ArgumentNullException.ThrowIfNull(value, name);
    }

    private static void ReadQualityMaps(string path, ReadLog log)
    {
        HashSet<float[]> seen = new(ReferenceEqualityComparer.Instance);
        foreach (QualityMapPair pair in QualityMapPickle.Read(path).Distinct().SelectMany(m => m))
        {
            foreach (QualityMap map in new[] { pair.Reference, pair.Generated })
            {
                if (seen.Add(map.Values))
                    log.Take(map.Values.Length * sizeof(float));
            }
        }
    }
}
