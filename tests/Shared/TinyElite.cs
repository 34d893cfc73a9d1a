using PatchDpo.Torch.Images;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tests;

/// <summary>Writes a tiny Stable Diffusion 1.5 with ELITE's two mappers in the place of an IP-Adapter, as it is published.</summary>
internal static class TinyElite
{
    public const int Hidden = 10, Layers = 16;

    private const int States = 5, VisionWidth = 16, TextWidth = 12;

    /// <summary>Writes the folder.</summary>
    /// <param name="folder">Made where it is missing.</param>
    /// <param name="seed">Of the weights.</param>
    /// <returns>The folder.</returns>
    public static string Write(string folder, long seed = 1)
    {
        TinyPersonalizedModel.Write(folder, seed, family: TinyFamily.Sd15, textWidth: TextWidth);
        File.Delete(Path.Combine(folder, "ip_adapter.safetensors"));
        TinyPersonalizedModel.WriteVision(folder, layers: Layers);
        WriteMapper(folder, "global_mapper.pt");
        WriteMapper(folder, "local_mapper.pt");
        return folder;
    }

    /// <summary>Writes a mapper with random weights for the folder's UNet and image encoder.</summary>
    public static void WriteMapper(string folder, string name, int input = VisionWidth, int output = TextWidth)
    {
        using DisposeScope scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        for (int i = 0; i < States; i++)
            foreach (string kind in new[] { $"mapping_{i}", $"mapping_patch_{i}" })
            {
                Linear($"{kind}.0", input, Hidden);
                Norm($"{kind}.1");
                Linear($"{kind}.3", Hidden, Hidden);
                Norm($"{kind}.4");
                Linear($"{kind}.6", Hidden, output);
            }
        using SafetensorsFile unet = SafetensorsFile.Open(Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"));
        foreach (string key in unet.Keys.Where(k => k.EndsWith("attn2.to_k.weight", StringComparison.Ordinal)))
            foreach (string projection in new[] { "_to_k", "_to_v" })
                tensors.Add(key[..^".to_k.weight".Length].Replace('.', '_') + projection + ".weight", randn(unet.Shape(key)[0], output) / 3);
        TorchCheckpointWriter.Write(Path.Combine(folder, name), tensors);

        void Linear(string module, int from, int to)
        {
            tensors.Add(module + ".weight", randn(to, from) / Math.Sqrt(from));
            tensors.Add(module + ".bias", randn(to) / 5);
        }

        void Norm(string module)
        {
            tensors.Add(module + ".weight", 1 + (randn(Hidden) / 10));
            tensors.Add(module + ".bias", randn(Hidden) / 10);
        }
    }

    /// <summary>A picture with an object of its own on white for every number, and the object's mask.</summary>
    public static (ImageBuffer Picture, ImageBuffer Mask) Object(int number, int size = TinyPersonalizedModel.ImageSize)
    {
        ImageBuffer pattern = TinyPersonalizedModel.Image(number, size, size);
        byte[] pixels = new byte[pattern.Pixels.Length], mask = new byte[pattern.Pixels.Length];
        for (int i = 0; i < pixels.Length; i++)
        {
            int x = i / 3 % size, y = i / 3 / size;
            bool isObject = x > size / 8 && x < size * 3 / 4 && y > size / 4 && y < size * 7 / 8;
            pixels[i] = isObject ? (byte)(pattern.Pixels[i] * 3 / 4) : byte.MaxValue;
            mask[i] = isObject ? byte.MaxValue : (byte)0;
        }
        return (new ImageBuffer(size, size, 3, pixels), new ImageBuffer(size, size, 3, mask));
    }
}
