namespace PatchDpo.Torch.Personalization;

/// <summary>The folders of the small models that ship with this library, beside its assembly.</summary>
public static class EmbeddedModels
{
    /// <summary>The personalised generator.</summary>
    public static string Generator => Folder("generator");

    /// <summary>The encoder that patch quality is computed with.</summary>
    public static string PatchEncoder => Folder("patch_encoder");

    /// <summary>The encoder of the DINO score.</summary>
    public static string EvaluationDino => Folder("eval_dino");

    /// <summary>The model of the CLIP-I and CLIP-T scores.</summary>
    public static string EvaluationClip => Folder("eval_clip");

    // Empty in a single-file application, whose files lie in the base folder.
    private static string Folder(string name) => Path.Combine(
        typeof(EmbeddedModels).Assembly.Location is { Length: > 0 } assembly ? Path.GetDirectoryName(assembly)! : AppContext.BaseDirectory,
        "models", "embedded", name);
}
