using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tests;

/// <summary>Weights as a broken download or a training that went wrong leaves them.</summary>
internal static class DamagedFile
{
    /// <summary>Fills one tensor of a safetensors file with a number.</summary>
    public static void Fill(string path, string key, float value)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors;
        Dictionary<string, string> metadata;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            metadata = file.Metadata.ToDictionary();
            tensors = file.ReadAll().ToDictionary(t => t.Key, t => t.Value);
        }
        tensors[key] = full(tensors[key].shape, value);
        SafetensorsWriter.Write(path, tensors, metadata);
    }
}
