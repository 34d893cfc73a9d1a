using System.Diagnostics;
using System.Globalization;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>One encoder's features on the disk: safetensors files with a tensor an image, named by the image's content.</summary>
/// <remarks>Any number of processes may write: each writes files of its own, whole or not at all. Not safe for several threads.</remarks>
internal sealed class FeatureFolder : IDisposable
{
    private const string Extension = ".safetensors", FormatField = "format", Format = "1", KindField = "kind", Kind = "patch features", EncoderField = "encoder";

    // What is not yet on the disk is lost with the process: little, or what was encoded within a minute.
    private const long FileBytes = 64 << 20;
    private static readonly TimeSpan FileTime = TimeSpan.FromMinutes(1);

    private readonly string _folder;
    private readonly string _encoder;
    private readonly Dictionary<UInt128, SafetensorsFile> _stored = [];
    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<UInt128, PatchMap> _unwritten = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    private FeatureFolder(string folder, string encoder) => (_folder, _encoder) = (folder, encoder);

    /// <summary>Opens an encoder's folder below another one.</summary>
    /// <param name="parent">The folder that the user names.</param>
    /// <param name="encoder">The encoder's fingerprint.</param>
    /// <exception cref="WeightsFormatException">A file is damaged or no file of features.</exception>
    /// <exception cref="IOException">The folder cannot be read or made.</exception>
    public static FeatureFolder Open(string parent, string encoder)
    {
        // Sixteen digits name it, and each file has them all.
        string path = Directory.CreateDirectory(Path.Combine(Path.GetFullPath(parent), encoder[..16])).FullName;
        var folder = new FeatureFolder(path, encoder);
        try
        {
            foreach (string file in FolderFiles.Files(path).Where(f => f.EndsWith(Extension, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
                folder.Load(file);
            return folder;
        }
        catch
        {
            folder.Close();
            throw;
        }
    }

    public bool Contains(UInt128 content) => _stored.ContainsKey(content) || _unwritten.ContainsKey(content);

    public PatchMap? Find(UInt128 content)
    {
        if (_unwritten.TryGetValue(content, out PatchMap? map))
            return map;
        if (!_stored.TryGetValue(content, out SafetensorsFile? file))
            return null;
        using DisposeScope scope = NewDisposeScope();
        Tensor values = file.Read(Key(content));
        long[] shape = values.shape;
        return new PatchMap(values.ToFloats(), (int)shape[0], (int)shape[1], (int)shape[2]);
    }

    public void Add(UInt128 content, PatchMap map)
    {
        if (_stored.ContainsKey(content))
            return;
        _unwritten[content] = map;
        if (_unwritten.Values.Sum(m => m.Bytes) >= FileBytes || _clock.Elapsed >= FileTime)
            Flush();
    }

    /// <summary>Writes what is not yet on the disk.</summary>
    /// <exception cref="IOException">It cannot be written; nothing that was there is lost.</exception>
    public void Flush()
    {
        if (_unwritten.Count > 0)
        {
            string path = Path.Combine(_folder, $"{Guid.NewGuid():N}{Extension}");
            using (DisposeScope scope = NewDisposeScope())
            {
                SafetensorsWriter.Write(
                    path, _unwritten.ToDictionary(u => Key(u.Key), u => u.Value.ToTensor(CPU)[0]),
                    new Dictionary<string, string> { [FormatField] = Format, [KindField] = Kind, [EncoderField] = _encoder });
            }
            Load(path);
            _unwritten.Clear();
        }
        _clock.Restart();
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">What is not yet on the disk cannot be written.</exception>
    public void Dispose()
    {
        try
        {
            Flush();
        }
        finally
        {
            Close();
        }
    }

    private static string Key(UInt128 content) => content.ToString("x32", CultureInfo.InvariantCulture);

    private void Load(string path)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        _files.Add(file);
        string? Field(string name) => file.Metadata.GetValueOrDefault(name);
        if (Field(FormatField) != Format || Field(KindField) != Kind)
            throw new WeightsFormatException(path, null, "this is no file of patch features; move it elsewhere.");
        if (Field(EncoderField) != _encoder)
            throw new WeightsFormatException(path, null, "another encoder gave these features than their folder says; move the file elsewhere.");
        foreach (string key in file.Keys)
        {
            if (!UInt128.TryParse(key, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 content) || key.Length != 32)
                throw new WeightsFormatException(path, key, "an image's features are named by 32 hexadecimal digits.");
            if (file.DType(key) != ScalarType.Float32 || file.Shape(key) is not [> 0 and <= int.MaxValue, > 0 and <= int.MaxValue, > 0 and <= int.MaxValue])
                throw new WeightsFormatException(path, key, "an image's features are float32 of the shape (h,w,D).");
            _stored.TryAdd(content, file);
        }
    }

    private void Close()
    {
        foreach (SafetensorsFile file in _files)
            file.Dispose();
    }
}
