using System.Collections.Concurrent;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;

namespace PatchDpo.MLNet;

/// <summary>
/// Where a model's weights are, as a saved model stores it: a folder, a lone file, or the name of a model that comes with this library; with a
/// fingerprint.
/// </summary>
internal sealed class ModelLocation
{
    private static readonly ConcurrentDictionary<string, string> Redirects = new();

    private static readonly Dictionary<string, Func<string>> Shipped = new()
    {
        [nameof(EmbeddedModels.Generator)] = () => EmbeddedModels.Generator,
        [nameof(EmbeddedModels.PatchEncoder)] = () => EmbeddedModels.PatchEncoder,
        [nameof(EmbeddedModels.EvaluationDino)] = () => EmbeddedModels.EvaluationDino,
        [nameof(EmbeddedModels.EvaluationClip)] = () => EmbeddedModels.EvaluationClip,
        [nameof(ResNet18)] = () => ResNet18Model.Path,
        [nameof(TrainedResNet18)] = () => ResNet18Model.TrainedPath,
    };

    // Those that every application has.
    private static readonly string[] Embedded =
        [nameof(EmbeddedModels.Generator), nameof(EmbeddedModels.PatchEncoder), nameof(EmbeddedModels.EvaluationDino), nameof(EmbeddedModels.EvaluationClip)];

    private readonly string _shipped;

    /// <summary>The location of a folder or a file; the folders of embedded models are stored by name.</summary>
    public ModelLocation(string folder)
    {
        Folder = Path.GetFullPath(folder);
        _shipped = Embedded.FirstOrDefault(e => Path.GetFullPath(Shipped[e]()) == Folder) ?? "";
    }

    private ModelLocation(string folder, string shipped) => (Folder, _shipped) = (Path.GetFullPath(folder), shipped);

    /// <summary>The location of ImageNet's ResNet-18, stored by name.</summary>
    /// <exception cref="Torch.Weights.ModelFileNotFoundException">It does not lie beside the application.</exception>
    public static ModelLocation ResNet18 => new(ResNet18Model.Path, nameof(ResNet18));

    /// <summary>The location of what training further changed of it, stored by name.</summary>
    /// <exception cref="Torch.Weights.ModelFileNotFoundException">It does not lie beside the application.</exception>
    public static ModelLocation TrainedResNet18 => new(ResNet18Model.TrainedPath, nameof(TrainedResNet18));

    /// <summary>The folder's or the lone file's full path.</summary>
    public string Folder { get; }

    /// <summary>Lets models that were saved with one folder or file load from another.</summary>
    public static void Redirect(string storedFolder, string folder) => Redirects[storedFolder] = Path.GetFullPath(folder);

    /// <summary>Stores the location and its fingerprint.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="ignoredFile">A file in the folder that the saved model brings itself, or an empty string.</param>
    public void Write(BinaryWriter writer, string ignoredFile = "")
    {
        writer.Write(_shipped);
        writer.Write(_shipped.Length > 0 ? "" : Folder);
        writer.Write(ignoredFile);
        writer.Write(ModelFingerprint.Of(Folder, ignoredFile));
    }

    /// <summary>Stores a location that there may be none of.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="path">The folder or the lone file; null for none.</param>
    public static void WriteOptional(BinaryWriter writer, string? path)
    {
        writer.Write(path is not null);
        if (path is not null)
            new ModelLocation(path).Write(writer);
    }

    /// <summary>Reads what <see cref="WriteOptional"/> stored, and checks that it is still the same.</summary>
    /// <returns>The folder or the lone file, or null.</returns>
    /// <exception cref="ModelReferenceException">The folder or file is gone or has changed.</exception>
    public static string? ReadOptional(BinaryReader reader) => reader.ReadBoolean() ? Read(reader).Folder : null;

    /// <summary>Reads a location and checks that its folder or file is still the same.</summary>
    /// <exception cref="ModelReferenceException">The folder or file is gone or has changed, or this version has no such embedded model.</exception>
    /// <exception cref="Torch.Weights.ModelFileNotFoundException">A model of another package does not lie beside the application.</exception>
    public static ModelLocation Read(BinaryReader reader)
    {
        string shipped = reader.ReadString(), stored = reader.ReadString(), ignoredFile = reader.ReadString(), fingerprint = reader.ReadString();
        string folder = shipped.Length == 0
            ? Redirects.GetValueOrDefault(stored, stored)
            : Shipped.TryGetValue(shipped, out Func<string>? path) ? path()
                : throw new ModelReferenceException(shipped, "this version of the library has no such embedded model.");
        if (!Directory.Exists(folder) && !File.Exists(folder))
            throw new ModelReferenceException(folder, $"it does not exist. Put the model back there, or call "
                + $"{nameof(PatchDpoComponents)}.{nameof(PatchDpoComponents.RedirectModelFolder)} before loading.");
        string found = ModelFingerprint.Of(folder, ignoredFile);
        // Models that were saved by earlier versions count more files.
        ModelFilesRule[] older = [ModelFilesRule.WithCheckpoints, ModelFilesRule.WithLitter];
        return found == fingerprint || older.Any(rule => ModelFingerprint.Of(folder, ignoredFile, rule) == fingerprint)
            ? new ModelLocation(folder, shipped)
            : throw new ModelReferenceException(folder, $"its files are not those that the model was saved with (SHA-256 {found}, expected {fingerprint}).");
    }
}
