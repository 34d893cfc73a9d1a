using System.CommandLine;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Vision.Dino;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Encoders of published shapes with random weights, which compute as long as trained ones.</summary>
internal static class SampleEncoder
{
    /// <summary>The option that says where an encoder computes.</summary>
    public static Option<string> DeviceOption() => new("--device") { Description = "cpu or cuda.", DefaultValueFactory = _ => "cpu" };

    /// <summary>The device of the option.</summary>
    public static Device DeviceOf(string name) => TorchRuntime.ResolveDevice(name == "cuda" ? 0 : null, fallbackToCpu: false);

    /// <summary>A network of ViT-S/16's shape: 384 features, 12 blocks of 6 heads.</summary>
    public static DinoVisionTransformer VitSmall(int side, Device device, ScalarType dtype = ScalarType.Float32)
        => VisionTransformer(side, 16, 384, 12, 6, device, dtype);

    /// <summary>A small one: 64 features, 2 blocks of 2 heads, patches of 8 pixels.</summary>
    public static DinoVisionTransformer Tiny(int side, Device device) => VisionTransformer(side, 8, 64, 2, 2, device, ScalarType.Float32);

    private static DinoVisionTransformer VisionTransformer(int side, int patch, int features, int blocks, int heads, Device device, ScalarType dtype)
    {
        DinoVisionTransformer encoder = new(new DinoConfig
        {
            ImageSize = side, PatchSize = patch, EmbedDim = features, Depth = blocks, NumHeads = heads, IntermediateSize = 4 * features, QkvBias = true,
        }, device, dtype)
        {
            Preprocessor = new DinoPreprocessor(side, side),
        };
        encoder.eval();
        return encoder;
    }

    /// <summary>An encoder that costs nothing: what a pipeline delivers with it is what the pipeline can.</summary>
    public sealed class Free(IImagePreprocessor preprocessor) : IVisionEncoder
    {
        public IImagePreprocessor Preprocessor => preprocessor;

        public Device Device => CPU;

        public VisionFeatures Encode(Tensor pixels)
        {
            // A few of the pixels themselves.
            Tensor patches = pixels.narrow(2, 0, 2).narrow(3, 0, 2).permute(0, 2, 3, 1).contiguous();
            return new VisionFeatures(pixels.narrow(2, 0, 1).narrow(3, 0, 1).flatten(1).contiguous(), patches);
        }

        public void Dispose()
        {
        }
    }
}
