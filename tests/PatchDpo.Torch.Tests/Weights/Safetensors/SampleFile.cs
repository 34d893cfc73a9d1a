using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Safetensors;

/// <summary>A file in each format that is written here.</summary>
internal static class SampleFile
{
    public static TheoryData<string> Formats => ["safetensors", "bin", "pkl"];

    /// <summary>Writes to a stream; the size grows by <paramref name="side"/> squared.</summary>
    public static void Write(string format, Stream stream, int side = 3)
    {
        using DisposeScope scope = NewDisposeScope();
        if (format == "safetensors")
            SafetensorsWriter.Write(stream, Tensors(side));
        else if (format == "bin")
            TorchCheckpointWriter.Write(stream, Tensors(side));
        else
            QualityMapPickle.Write(stream, Maps(side));
    }

    /// <summary>Writes a file as an application does.</summary>
    public static void Write(string format, string path, int side = 3)
    {
        using DisposeScope scope = NewDisposeScope();
        if (format == "safetensors")
            SafetensorsWriter.Write(path, Tensors(side));
        else if (format == "bin")
            TorchCheckpointWriter.Write(path, Tensors(side));
        else
            QualityMapPickle.Write(path, Maps(side));
    }

    /// <summary>The bytes of the whole file.</summary>
    public static byte[] Bytes(string format, int side = 3)
    {
        using MemoryStream stream = new();
        Write(format, stream, side);
        return stream.ToArray();
    }

    private static Dictionary<string, Tensor> Tensors(int side) => new() { ["a"] = arange(side * side).to(float32), ["b"] = ones(2, 2) };

    private static QualityMapPair[][] Maps(int side)
    {
        QualityMap map = new(side, side, [.. Enumerable.Range(0, side * side).Select(i => i / (float)(side * side))]);
        return [[new QualityMapPair(map, map)], []];
    }
}
