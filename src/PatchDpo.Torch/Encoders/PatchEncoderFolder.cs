using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Writes encoders as <see cref="PatchEncoder.FromFolder"/> reads them.</summary>
internal static class PatchEncoderFolder
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write(IVisionEncoder encoder, string folder)
    {
        PatchHeadEncoder? headed = encoder as PatchHeadEncoder;
        IVisionEncoder below = headed?.Encoder ?? encoder;
        JsonObject? config = EncoderKinds.Of(below).Describe(below);
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Weights(folder), ((nn.Module)below).state_dict(), StoredEncoderOptions.Describe(below));
        // What another encoder left there would speak of the wrong one.
        if (config is null)
            File.Delete(Config(folder));
        else
            AtomicFile.Write(Config(folder), stream => stream.Write(Encoding.UTF8.GetBytes(config.ToJsonString(Indented) + "\n")));
        if (headed is not null)
            headed.WriteHead(Head(folder));
        else
            File.Delete(Head(folder));
    }

    /// <summary>Writes only what training changed of ImageNet's ResNet-18.</summary>
    public static void WriteDifference(IVisionEncoder encoder, string folder)
    {
        Directory.CreateDirectory(folder);
        EncoderDifference.Write(encoder, Weights(folder));
        File.Delete(Config(folder));
        File.Delete(Head(folder));
    }

    private static string Weights(string folder) => Path.Combine(folder, "model.safetensors");

    private static string Config(string folder) => Path.Combine(folder, "config.json");

    private static string Head(string folder) => Path.Combine(folder, PatchHeadEncoder.FileName);
}
