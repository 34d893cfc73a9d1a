using PatchDpo.Torch.Models;

namespace PatchDpo.Tool.Shared;

/// <summary>Paths of models on the command line, of which one word stands for what ships with the library.</summary>
internal static class ModelPath
{
    /// <summary>The word.</summary>
    public const string Embedded = "embedded";

    /// <summary>A generator's path.</summary>
    public static string Generator(string given) => given == Embedded ? EmbeddedModels.Generator : given;
}
