using System.Globalization;
using System.Text.Json;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>One set of preprocessing fixtures: a JSON file and the tensors beside it.</summary>
internal sealed class PreprocessingFixture : IDisposable
{
    private readonly SafetensorsFile tensors;

    public PreprocessingFixture(string jsonPath)
    {
        Json = Fixtures.Json(jsonPath);
        tensors = SafetensorsFile.Open(Path.ChangeExtension(jsonPath, ".safetensors"));
    }

    public JsonElement Json { get; }

    public IReadOnlyList<string> Keys => tensors.Keys;

    /// <summary>The tolerance of the float tensors.</summary>
    public double FloatTolerance => Json.GetProperty("tolerances").GetProperty("chw_abs").GetDouble();

    public void Dispose() => tensors.Dispose();

    /// <summary>The stored tensor: uint8 (H,W,C) or (H,W), or float32 (3,H,W).</summary>
    public Tensor Read(string key) => tensors.Read(key);

    /// <summary>An input image.</summary>
    public ImageBuffer Input(string name) => ReadImage($"in.{name}");

    /// <summary>A uint8 tensor as an image.</summary>
    public ImageBuffer ReadImage(string key)
    {
        using Tensor tensor = tensors.Read(key);
        Assert.Equal(ScalarType.Byte, tensor.dtype);
        int channels = tensor.dim() == 2 ? 1 : (int)tensor.shape[2];
        return new ImageBuffer((int)tensor.shape[1], (int)tensor.shape[0], channels, tensor.bytes.ToArray());
    }

    /// <summary>The preprocessor that a pipeline name and its sizes ("40_33": resize, crop; or one size for both) mean.</summary>
    public static ResizeCropPreprocessor Preprocessor(string pipeline, string sizes)
    {
        int[] parsed = Sizes(sizes, '_');
        int resizeTo = parsed[0], cropTo = parsed[^1];
        return pipeline switch
        {
            "dino_eval" => new DinoPreprocessor(resizeTo, cropTo),
            "train_latent" => new DiffusionPreprocessor(resizeTo, cropTo),
            "hf_clip" => new HfClipPreprocessor(resizeTo, cropTo),
            "clip_preprocess" when parsed.Length == 1 => new ClipPreprocessor(cropTo),
            _ => throw new NotSupportedException($"Unknown pipeline '{pipeline}' with sizes '{sizes}'."),
        };
    }

    public static int[] Sizes(string text, char separator) => [.. text.Split(separator).Select(s => int.Parse(s, CultureInfo.InvariantCulture))];

    public static void AssertSame(ImageBuffer expected, ImageBuffer actual, string what)
    {
        Assert.True((expected.Width, expected.Height, expected.Channels) == (actual.Width, actual.Height, actual.Channels),
            $"{what}: {actual.Width} x {actual.Height} x {actual.Channels}, expected {expected.Width} x {expected.Height} x {expected.Channels}.");
        int at = expected.Pixels.AsSpan().CommonPrefixLength(actual.Pixels);
        Assert.True(at == expected.Pixels.Length,
            $"{what}: byte {at} is {(at < actual.Pixels.Length ? actual.Pixels[at] : -1)}, expected {(at < expected.Pixels.Length ? expected.Pixels[at] : -1)}.");
    }
}
