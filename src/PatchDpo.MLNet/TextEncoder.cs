using PatchDpo.Torch.Models;

namespace PatchDpo.MLNet;

/// <summary>Names a CLIP text encoder that a component loads when it is fitted, and that a saved model refers to.</summary>
public sealed class TextEncoder
{
    private readonly ModelLocation _location;

    private TextEncoder(ModelLocation location) => _location = location;

    /// <summary>The small CLIP model that comes with this library. It knows this library's own small world, not photos.</summary>
    public static TextEncoder Embedded => FromFolder(EmbeddedModels.EvaluationClip);

    /// <summary>A CLIP model in a folder: <c>config.json</c>, tokenizer and <c>model.safetensors</c> as Hugging Face lays them out.</summary>
    /// <param name="folder">The folder; a saved model holds its full path and the SHA-256 of its files.</param>
    public static TextEncoder FromFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new TextEncoder(new ModelLocation(folder));
    }

    internal string Folder => _location.Folder;

    internal void Write(BinaryWriter writer) => _location.Write(writer);

    internal static TextEncoder Read(BinaryReader reader) => new(ModelLocation.Read(reader));
}
