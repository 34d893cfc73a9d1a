namespace PatchDpo.Models.Embedded;

/// <summary>Where the embedded models lie; <c>PatchDpo.Torch.Models.EmbeddedModels</c> names each.</summary>
public static class EmbeddedModelFiles
{
    /// <summary>The folder of the models, <c>models/embedded</c> beside this assembly or, of a single-file application, in its base folder.</summary>
    public static string Folder { get; } = Path.Combine(AssemblyFolder(), "models", "embedded");

    // The location is empty in a single-file application.
    private static string AssemblyFolder()
        => Path.GetDirectoryName(typeof(EmbeddedModelFiles).Assembly.Location) is { Length: > 0 } folder ? folder : AppContext.BaseDirectory;
}
