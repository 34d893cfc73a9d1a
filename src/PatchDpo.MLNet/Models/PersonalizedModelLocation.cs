using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet;

/// <summary>Where a personalised model's base is.</summary>
internal static class PersonalizedModelLocation
{
    private const string EmbeddedGenerator = "generator";

    /// <summary>The location of a loaded model.</summary>
    public static ModelLocation Of(PersonalizedModel model)
        => Path.GetFullPath(model.FolderPath) == Path.GetFullPath(EmbeddedModels.Generator)
            ? new ModelLocation(EmbeddedGenerator, null)
            : new ModelLocation(null, model.FolderPath);

    /// <summary>The folder to load from.</summary>
    /// <exception cref="FormatException">The location names an embedded model that this library does not have.</exception>
    public static string Resolve(ModelLocation location) => location.Embedded switch
    {
        null => location.Folder!,
        EmbeddedGenerator => EmbeddedModels.Generator,
        string other => throw new FormatException($"The saved model refers to an embedded model '{other}', which this version does not have."),
    };
}
