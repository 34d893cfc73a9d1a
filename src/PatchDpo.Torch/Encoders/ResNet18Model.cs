using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Encoders;

/// <summary>Where the package PatchDpo.Models.ResNet18 puts ImageNet's ResNet-18, and how it is used unless someone says otherwise.</summary>
/// <remarks>
/// The file is that of Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1 (MIT), ML.NET's own component: CNTK's export of a ResNet-18 with a third block in
/// its last stage and without classifier.
/// </remarks>
public static class ResNet18Model
{
    private const string Folder = "DnnImageModels/ResNet18Onnx", FileName = "ResNet18.onnx", TrainedFileName = "ResNet18.trained.safetensors";

    /// <summary>The file, beside this assembly or, of a single-file application, in its base folder.</summary>
    /// <exception cref="ModelFileNotFoundException">It is not there; the message names the package.</exception>
    public static string Path => PathOf(FileName);

    /// <summary>
    /// What training further without labels changed of it, beside it: its third stage, trained on DreamBench's 158 photos by the command in docs/method.md.
    /// </summary>
    /// <exception cref="ModelFileNotFoundException">It is not there; the message names the package.</exception>
    public static string TrainedPath => PathOf(TrainedFileName);

    /// <summary>Whether the file is there.</summary>
    public static bool IsAvailable => File.Exists(System.IO.Path.Combine(AssemblyFolder, Folder, FileName));

    /// <summary>Stages 3 and 4 side by side, in patches of 16 pixels: 14 x 14 for images of 224 pixels.</summary>
    public static VisionEncoderOptions Options { get; } = new() { PatchStages = [3, 4], PatchSize = 16 };

    /// <summary>Options with <see cref="Options"/> where they say nothing; a single stage keeps its own step.</summary>
    internal static VisionEncoderOptions Complete(VisionEncoderOptions? options) => options is null ? Options : options with
    {
        PatchStages = options.PatchStages ?? Options.PatchStages,
        PatchSize = options.PatchSize ?? (options.PatchStages is { Count: 1 } ? null : Options.PatchSize),
    };

    private static string PathOf(string name)
    {
        string folder = System.IO.Path.Combine(AssemblyFolder, Folder), path = System.IO.Path.Combine(folder, name);
        return File.Exists(path) ? path
            : throw new ModelFileNotFoundException(folder, [name], "It comes with the package PatchDpo.Models.ResNet18: add it to the application.");
    }

    private static string AssemblyFolder
        => System.IO.Path.GetDirectoryName(typeof(ResNet18Model).Assembly.Location) is { Length: > 0 } folder ? folder : AppContext.BaseDirectory;
}
