using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Vision;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Names an image encoder that a component loads when it is fitted, and that a saved model refers to.</summary>
public sealed class ImageEncoder
{
    private readonly ModelLocation? _location;
    private readonly IVisionEncoder? _instance;

    private ImageEncoder(ModelLocation? location, IVisionEncoder? instance)
    {
        _location = location;
        _instance = instance;
    }

    /// <summary>The small encoder for patch quality that comes with this library. It knows this library's own small world, not photos.</summary>
    public static ImageEncoder Embedded => FromFolder(EmbeddedModels.PatchEncoder);

    /// <summary>The small encoder of the DINO score that comes with this library.</summary>
    public static ImageEncoder EmbeddedDino => FromFolder(EmbeddedModels.EvaluationDino);

    /// <summary>The small encoder of the CLIP-I score that comes with this library.</summary>
    public static ImageEncoder EmbeddedClip => FromFolder(EmbeddedModels.EvaluationClip);

    /// <summary>An encoder in a folder: <c>config.json</c> and <c>model.safetensors</c> as Hugging Face lays them out (DINO, DINOv2, CLIP).</summary>
    /// <param name="folder">The folder; a saved model holds its full path and the SHA-256 of its files.</param>
    public static ImageEncoder FromFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new ImageEncoder(new ModelLocation(folder), null);
    }

    /// <summary>An encoder of your own. A model that uses it cannot be saved.</summary>
    /// <param name="encoder">Stays the caller's to dispose, after the transformers that use it.</param>
    public static ImageEncoder FromInstance(IVisionEncoder encoder)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        return new ImageEncoder(null, encoder);
    }

    /// <summary>Where the weights are; null for an encoder of one's own.</summary>
    internal string? Folder => _location?.Folder;

    internal OpenedEncoder Open(Device device)
        => _instance is not null ? new OpenedEncoder(_instance, Owned: false) : new OpenedEncoder(PatchEncoder.FromFolder(_location!.Folder, device), Owned: true);

    internal void Write(BinaryWriter writer)
        => (_location ?? throw new NotSupportedException("A model with an image encoder of your own cannot be saved; put the encoder into a folder and use ImageEncoder.FromFolder."))
            .Write(writer);

    internal static ImageEncoder Read(BinaryReader reader) => new(ModelLocation.Read(reader), null);
}
