
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Models;

/// <summary>The folders of the small models that ship with this library, in <c>models/embedded</c> beside its assembly.</summary>
/// <remarks>They are trained on nothing but drawn characters of 64 x 64 pixels, by experiments/TrainEmbeddedModels.</remarks>
public static class EmbeddedModels
{
    /// <summary>The personalised generator, for <see cref="PersonalizedModel.Load(string, PersonalizedModelOptions)"/>.</summary>
    /// <exception cref="ModelFileNotFoundException">The folder is not beside the assembly.</exception>
    public static string Generator => Folder("generator", "model_index.json");

    /// <summary>The DINO vision transformer that patch quality is computed with: patches of 4 pixels, so 16 x 16 for an image of 64.</summary>
    /// <exception cref="ModelFileNotFoundException">The folder is not beside the assembly.</exception>
    public static string PatchEncoder => Folder("patch_encoder", "config.json");

    /// <summary>The same encoder before its self-supervised training: it has learnt to tell kinds and scenes.</summary>
    /// <exception cref="ModelFileNotFoundException">The folder is not beside the assembly.</exception>
    public static string PatchEncoderBefore => Folder("patch_encoder_before", "config.json");

    /// <summary>The DINO vision transformer of the DINO score; independent of the generator's encoders.</summary>
    /// <exception cref="ModelFileNotFoundException">The folder is not beside the assembly.</exception>
    public static string EvaluationDino => Folder("eval_dino", "config.json");

    /// <summary>The CLIP model of the CLIP-I and CLIP-T scores; independent of the generator's encoders.</summary>
    /// <exception cref="ModelFileNotFoundException">The folder is not beside the assembly.</exception>
    public static string EvaluationClip => Folder("eval_clip", "config.json");

    // The location is empty in a single-file application, whose files lie in the base folder.
    private static string Folder(string name, string file)
    {
        string assembly = Path.GetDirectoryName(typeof(EmbeddedModels).Assembly.Location) is { Length: > 0 } folder ? folder : AppContext.BaseDirectory;
        string path = Path.Combine(assembly, "models", "embedded", name);
        ModelFolder.RequireFile(path, file);
        return path;
    }
}
