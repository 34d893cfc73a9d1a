using PatchDpo.Models.Embedded;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Models;

/// <summary>The folders of the small models that ship with this library, in the package PatchDpo.Models.Embedded.</summary>
/// <remarks>They are trained on nothing but drawn characters of 64 x 64 pixels, by experiments/TrainEmbeddedModels.</remarks>
public static class EmbeddedModels
{
    /// <summary>The personalised generator, for <c>PersonalizedModel.Load</c>.</summary>
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

    private static string Folder(string name, string file)
    {
        string path = Path.Combine(EmbeddedModelFiles.Folder, name);
        ModelFolder.RequireFile(path, file);
        return path;
    }
}
