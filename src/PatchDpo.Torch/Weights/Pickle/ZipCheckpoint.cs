using System.Text;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;
using PatchDpo.Torch.Weights.Safetensors;
using PatchDpo.Torch.Weights.Zip;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>PyTorch's format since 1.6: a zip file with <c>name/data.pkl</c> and one entry <c>name/data/key</c> for each storage.</summary>
/// <remarks>Format: torch/serialization.py, <c>_load</c>, and caffe2/serialize/inline_container.cc.</remarks>
internal static class ZipCheckpoint
{
    /// <summary>The archive's folder of files that torch.load leaves aside; metadata stand there.</summary>
    public const string ExtraFolder = "extra/";

    private const string PickleName = "data.pkl";

    private const int MaxMetadataBytes = 1 << 20;

    /// <summary>Reads the pickle and the metadata, and finds the storages.</summary>
    public static CheckpointContent Read(SafeFileHandle file, string path, TorchCheckpointOptions options, Dictionary<string, string> metadata)
    {
        ZipDirectory zip = ZipDirectory.Read(file, path, options.MaxPickleBytes);
        string[] pickles = [.. zip.Items.Keys.Where(
            n => n == PickleName || (n.EndsWith("/" + PickleName, StringComparison.Ordinal) && n.Count(c => c == '/') == 1))];
        if (pickles.Length != 1)
            throw new WeightsFormatException(path, null, pickles.Length == 0
                ? $"the zip file has no {PickleName}, so it is no PyTorch checkpoint."
                : $"the zip file has {pickles.Length} entries {PickleName}: {string.Join(", ", pickles.Select(KeyText.Quote))}.");
        string root = pickles[0][..^PickleName.Length];
        if (zip.Items.ContainsKey(root + ZipDirectory.TorchScriptEntry))
            throw ZipDirectory.FailTorchScript(path, root + ZipDirectory.TorchScriptEntry);
        if (zip.Items.ContainsKey(root + "byteorder") && Encoding.ASCII.GetString(zip.ReadItem(root + "byteorder", 16)) != "little")
            throw new WeightsFormatException(path, root + "byteorder", "it was not written on a little-endian machine.");

        StorageTable table = new();
        using MemoryStream pickle = new(zip.ReadItem(pickles[0], options.MaxPickleBytes), writable: false);
        PickleReader reader = new(pickle, path, options.MaxPickleOperations, table.Resolve);
        CheckpointContent content = new(reader.Load(), reader.Operations, path, options);
        foreach (TorchStorage storage in table.Storages.Values)
        {
            string name = $"{root}data/{storage.Key}";
            if (!zip.Items.TryGetValue(name, out ZipItem? item))
                throw new WeightsFormatException(path, name, "the zip file has no such entry, but the content names this storage.");
            if (item.Length != storage.Bytes)
                throw new WeightsFormatException(path, name, $"the entry has {item.Length} bytes, but the storage of {storage.Count} "
                    + $"{SafetensorsDType.Name(storage.DType)} needs {storage.Bytes}.");
            storage.Position = item.Position;
            storage.Crc = options.VerifyChecksums ? item.Crc : null;
        }
        ReadMetadata(zip, root + ExtraFolder, path, metadata);
        return content;
    }

    private static void ReadMetadata(ZipDirectory zip, string folder, string path, Dictionary<string, string> metadata)
    {
        int bytesLeft = MaxMetadataBytes;
        foreach (string entry in zip.Items.Keys.Where(n => n.StartsWith(folder, StringComparison.Ordinal)))
        {
            byte[] name = Encoding.Latin1.GetBytes(entry[folder.Length..]), value = zip.ReadItem(entry, bytesLeft);
            if (!Utf8.IsValid(name) || !Utf8.IsValid(value))
                throw new WeightsFormatException(path, entry, "the metadata are not valid UTF-8.");
            metadata.Add(Encoding.UTF8.GetString(name), Encoding.UTF8.GetString(value));
            bytesLeft -= value.Length;
        }
    }
}
