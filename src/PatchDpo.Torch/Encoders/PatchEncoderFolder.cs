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
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), ((nn.Module)below).state_dict(), StoredEncoderOptions.Describe(below));
        // What another encoder left there would speak of the wrong one.
        string configPath = Path.Combine(folder, "config.json"), head = Path.Combine(folder, PatchHeadEncoder.FileName);
        if (config is null)
            File.Delete(configPath);
        else
            AtomicFile.Write(configPath, stream => stream.Write(Encoding.UTF8.GetBytes(config.ToJsonString(Indented) + "\n")));
        if (headed is not null)
            headed.WriteHead(head);
        else
            File.Delete(head);
    }
}
