using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Tests.PatchEncoders;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Evaluation;

/// <summary>A stand-in for CLIP: an image's embedding is its mean colour, a text's the colour it names.</summary>
internal sealed class ColourClip : IImageTextEncoder
{
    private readonly PixelEncoder _pixels = new(8, 4);

    public int EncodedImages { get; private set; }

    public IImagePreprocessor Preprocessor => _pixels;

    public Device Device => CPU;

    public Tensor EncodeImages(Tensor pixels)
    {
        EncodedImages += (int)pixels.shape[0];
        using DisposeScope scope = NewDisposeScope();
        return (pixels + 0.5).mean([2, 3]).MoveToOuterDisposeScope();
    }

    public Tensor EncodeTexts(IReadOnlyList<string> texts)
        => tensor(texts.SelectMany(t => new[] { t.Contains("red") ? 1f : 0, t.Contains("green") ? 1f : 0, t.Contains("blue") ? 1f : 0 }).ToArray(),
            [texts.Count, 3]);
}
