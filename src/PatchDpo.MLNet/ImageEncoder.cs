using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Names an image encoder that a component loads when it is fitted, and that a saved model refers to.</summary>
public sealed class ImageEncoder
{
    // Stands in a saved model where earlier versions have the only stage.
    private const int SeveralStages = -1;

    // In the same place, with the type of the weights before the stages.
    private const int SeveralStagesAndType = -2;

    private const int MostStages = 16;

    private readonly ModelLocation? _location;
    private readonly bool _isFile;
    private readonly VisionEncoderOptions _options = new();
    private readonly IVisionEncoder? _instance;
    private readonly StoredFiles? _stored;

    private ImageEncoder(ModelLocation location, bool isFile, VisionEncoderOptions? options)
    {
        _location = location;
        _isFile = isFile;
        _options = options ?? _options;
    }

    private ImageEncoder(IVisionEncoder instance) => _instance = instance;

    private ImageEncoder(StoredFiles stored, VisionEncoderOptions options)
    {
        _stored = stored;
        _options = options;
    }

    /// <summary>The small encoder for patch quality that comes with this library. It knows this library's own small world, not photos.</summary>
    public static ImageEncoder Embedded => FromFolder(EmbeddedModels.PatchEncoder);

    /// <summary>
    /// ImageNet's ResNet-18 of the package PatchDpo.Models.ResNet18: the encoder for photos. A saved model names it, so that it loads wherever an
    /// application has the package.
    /// </summary>
    /// <param name="options">Stages, patches and image size, saved with a model; what is null is <see cref="ResNet18Model.Options"/>'s.</param>
    /// <exception cref="Torch.Weights.ModelFileNotFoundException">The file is not beside the application; the message names the package.</exception>
    public static ImageEncoder ResNet18(VisionEncoderOptions? options = null)
        => new(ModelLocation.ResNet18, isFile: true, ResNet18Model.Complete(options));

    /// <summary>
    /// The same model, its third stage trained further on photos without labels (<see cref="PatchEncoder.LoadTrainedResNet18"/>); of the same package, and
    /// named by a saved model too.
    /// </summary>
    /// <param name="options">Stages, patches and image size, saved with a model; what is null is <see cref="ResNet18Model.Options"/>'s.</param>
    /// <exception cref="Torch.Weights.ModelFileNotFoundException">A file is not beside the application; the message names the package.</exception>
    public static ImageEncoder TrainedResNet18(VisionEncoderOptions? options = null)
        => new(ModelLocation.TrainedResNet18, isFile: true, ResNet18Model.Complete(options));

    /// <summary>The small encoder of the DINO score that comes with this library.</summary>
    public static ImageEncoder EmbeddedDino => FromFolder(EmbeddedModels.EvaluationDino);

    /// <summary>The small encoder of the CLIP-I score that comes with this library.</summary>
    public static ImageEncoder EmbeddedClip => FromFolder(EmbeddedModels.EvaluationClip);

    /// <summary>
    /// An encoder in a folder, as <see cref="PatchEncoder.FromFolder"/> opens it: <c>config.json</c> and weights as Hugging Face lays them out (DINO,
    /// DINOv2, CLIP), or the only file of weights.
    /// </summary>
    /// <param name="folder">The folder; a saved model holds its full path and the SHA-256 of its files.</param>
    /// <param name="options">Stage, patches, image size and type of the weights, saved with a model; null: the encoder's own, and float32.</param>
    public static ImageEncoder FromFolder(string folder, VisionEncoderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new ImageEncoder(new ModelLocation(folder), isFile: false, options);
    }

    /// <summary>
    /// An encoder in a lone file of weights, as <see cref="PatchEncoder.FromFile"/> opens it: torchvision's ResNet and VGG, CIFAR's ResNet, ALIKE,
    /// DINO, DINOv2, CLIP.
    /// </summary>
    /// <param name="path">The file; a saved model holds its full path and its SHA-256.</param>
    /// <param name="options">Stage, patches, image size and type of the weights, saved with a model; null: the encoder's own, and float32.</param>
    public static ImageEncoder FromFile(string path, VisionEncoderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new ImageEncoder(new ModelLocation(path), isFile: true, options);
    }

    /// <summary>An encoder of your own. A model that uses it cannot be saved.</summary>
    /// <param name="encoder">Stays the caller's to dispose, after the transformers that use it.</param>
    public static ImageEncoder FromInstance(IVisionEncoder encoder)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        return new ImageEncoder(encoder);
    }

    /// <summary>
    /// Writes an encoder that <see cref="PatchEncoderTrainer"/> trained into a folder, for <see cref="FromFolder"/> and
    /// <see cref="PatchEncoder.FromFolder"/>.
    /// </summary>
    /// <param name="folder">Made where it is missing.</param>
    /// <exception cref="InvalidOperationException">The encoder was not trained here, so that its files are elsewhere.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void SaveTo(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        (_stored ?? throw new InvalidOperationException("Only an encoder that Trainers.PatchEncoder trained has weights of its own to save.")).WriteTo(folder);
    }

    /// <summary>A trained encoder, whose weights saved models carry.</summary>
    internal static ImageEncoder FromTrained(IVisionEncoder encoder, VisionEncoderOptions options)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-");
        try
        {
            PatchEncoder.Save(encoder, folder.FullName);
            return new ImageEncoder(StoredFiles.ReadFrom(folder.FullName), options);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Stage, patches, image size and type of the weights.</summary>
    internal VisionEncoderOptions Options => _options;

    /// <summary>The folder or the lone file of the weights; null for an encoder of one's own or a trained one.</summary>
    internal string? Location => _location?.Folder;

    internal OpenedEncoder Open(Device device)
    {
        if (_instance is not null)
            return new OpenedEncoder(_instance, Owned: false);
        if (_stored is not null)
            return new OpenedEncoder(_stored.Use(folder => PatchEncoder.FromFolder(folder, device, options: _options)), Owned: true);
        string path = _location!.Folder;
        return new OpenedEncoder(_isFile ? PatchEncoder.FromFile(path, device, options: _options) : PatchEncoder.FromFolder(path, device, options: _options),
            Owned: true);
    }

    internal void Write(BinaryWriter writer)
    {
        if (_location is null && _stored is null)
            throw new NotSupportedException("A model with an image encoder of your own cannot be saved; put the encoder into a folder and use "
                + "ImageEncoder.FromFolder.");
        writer.Write(_stored is not null);
        _stored?.Write(writer);
        _location?.Write(writer);
        writer.Write(_isFile);
        // Float32 is written as by earlier versions, which then read it.
        bool isFloat32 = _options.DType is null or ScalarType.Float32;
        writer.Write(isFloat32 ? SeveralStages : SeveralStagesAndType);
        if (!isFloat32)
            writer.Write((int)_options.DType!.Value);
        writer.Write(_options.PatchStages?.Count ?? 0);
        foreach (int stage in _options.PatchStages ?? [])
            writer.Write(stage);
        writer.Write(_options.PatchSize ?? 0);
        writer.Write(_options.ImageSize ?? 0);
        writer.Write(_options.CoarsestStageDecides);
    }

    internal static ImageEncoder Read(BinaryReader reader)
    {
        StoredFiles? stored = reader.ReadBoolean() ? StoredFiles.Read(reader) : null;
        ModelLocation? location = stored is null ? ModelLocation.Read(reader) : null;
        bool isFile = reader.ReadBoolean();
        VisionEncoderOptions options = ReadOptions(reader);
        return stored is null ? new ImageEncoder(location!, isFile, options) : new ImageEncoder(stored, options);
    }

    private static VisionEncoderOptions ReadOptions(BinaryReader reader)
    {
        int first = reader.ReadInt32();
        ScalarType? dtype = null;
        if (first == SeveralStagesAndType)
            (dtype, first) = ((ScalarType)reader.ReadInt32(), SeveralStages);
        int[]? stages = first == SeveralStages && reader.ReadInt32() is > 0 and int count ? [.. Enumerable.Range(0, count).Select(_ => reader.ReadInt32())]
            : first > 0 ? [first] : null;
        var options = new VisionEncoderOptions { PatchStages = stages, PatchSize = Number(), ImageSize = Number(), DType = dtype };
        bool flag = reader.ReadBoolean();
        if (first == SeveralStages)
            return options with { CoarsestStageDecides = flag };
        // Earlier versions joined all stages up to one, or up to the last, whichever that was.
        return options with { PatchStages = flag ? [.. Enumerable.Range(1, first > 0 ? first : MostStages)] : stages, CoarsestStageDecides = true };

        // 0 stands for an option that was not set.
        int? Number() => reader.ReadInt32() is not 0 and int number ? number : null;
    }
}
