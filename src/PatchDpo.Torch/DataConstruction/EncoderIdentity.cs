using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using static TorchSharp.torch;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Which image encoder judged data, and how it was used.</summary>
internal static class EncoderIdentity
{
    /// <summary>An encoder on the disk.</summary>
    /// <param name="role">What it is used for.</param>
    /// <param name="path">Its folder, or its lone file.</param>
    /// <param name="options">How it was opened.</param>
    public static ModelIdentity FromPath(string role, string path, VisionEncoderOptions options)
        => ModelIdentity.FromPath(role, path, Settings(options));

    /// <summary>An encoder in memory.</summary>
    /// <param name="role">What it is used for.</param>
    /// <param name="encoder">Its parameters and buffers.</param>
    /// <param name="options">How it was opened.</param>
    public static ModelIdentity FromModule(string role, nn.Module encoder, VisionEncoderOptions options)
        => ModelIdentity.FromModule(role, encoder, Settings(options));

    // What judged data before there was a choice of type is what judges in float32.
    private static SortedDictionary<string, string> Settings(VisionEncoderOptions options)
        => OptionValues.Of(options, options.DType is null or ScalarType.Float32 ? [nameof(VisionEncoderOptions.DType)] : []);
}
