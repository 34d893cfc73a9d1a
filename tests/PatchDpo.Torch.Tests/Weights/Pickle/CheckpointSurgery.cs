using System.IO.Compression;
using PatchDpo.Tests;
using static PatchDpo.Tests.CheckpointBytes;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

/// <summary>Adds to checkpoints what our own writer cannot write.</summary>
internal static class CheckpointSurgery
{
    /// <summary>Sets one more entry in the dictionary that a checkpoint of <see cref="PatchDpo.Torch.Weights.Pickle.TorchCheckpointWriter"/> is.</summary>
    /// <param name="path">The checkpoint; rewritten.</param>
    /// <param name="key">The entry's key.</param>
    /// <param name="value">Opcodes that push its value, without a protocol before and a stop after them.</param>
    public static void AddEntry(string path, string key, byte[] value)
    {
        using ZipArchive zip = ZipFile.OpenRead(path);
        ZipEntry[] entries = [.. zip.Entries.Select(e => new ZipEntry(e.FullName, Read(e)))];
        zip.Dispose();
        byte[] setting = new SamplePickle().Text(key).Raw(value).Op("s").Stop();
        File.WriteAllBytes(path,
            Archive([.. entries.Select(e => e.Name.EndsWith("/data.pkl", StringComparison.Ordinal) ? e with { Data = [.. e.Data[..^1], .. setting[2..]] }
            : e)]));
    }

    /// <summary>The opcodes of a pickle without its protocol and its stop.</summary>
    public static byte[] Value(SamplePickle pickle) => pickle.Stop()[2..^1];

    private static byte[] Read(ZipArchiveEntry entry)
    {
        using Stream stream = entry.Open();
        using MemoryStream copy = new();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
