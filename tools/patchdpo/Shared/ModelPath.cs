using PatchDpo.MLNet;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;

namespace PatchDpo.Tool.Shared;

/// <summary>Paths of models on the command line, of which one word stands for what ships with the library.</summary>
internal static class ModelPath
{
    /// <summary>The word.</summary>
    public const string Embedded = "embedded";

    /// <summary>A generator's path.</summary>
    public static string Generator(string given) => given == Embedded ? EmbeddedModels.Generator : given;

    /// <summary>A patch encoder's path.</summary>
    public static string PatchEncoder(string given) => given == Embedded ? EmbeddedModels.PatchEncoder : given;

    /// <summary>A patch encoder for a pipeline.</summary>
    public static ImageEncoder ImageEncoder(string given)
    {
        string path = PatchEncoder(given);
        return File.Exists(path) ? MLNet.ImageEncoder.FromFile(path) : MLNet.ImageEncoder.FromFolder(path);
    }

    /// <summary>Opens an image encoder, a folder or a lone checkpoint.</summary>
    public static IVisionEncoder OpenEncoder(string given, VisionEncoderOptions? options = null)
    {
        string path = PatchEncoder(given);
        return File.Exists(path)
            ? Torch.Encoders.PatchEncoder.FromFile(path, options: options)
            : Torch.Encoders.PatchEncoder.FromFolder(path, options: options);
    }
}
