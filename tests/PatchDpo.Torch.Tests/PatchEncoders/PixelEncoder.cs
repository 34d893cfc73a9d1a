using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

/// <summary>An encoder whose patch features are the pixels of the patch themselves; counts the images that it encoded.</summary>
internal sealed class PixelEncoder(int size, int patch, Func<ImageBuffer, Tensor>? preprocess = null) : IVisionEncoder, IImagePreprocessor
{
    public int Encoded { get; private set; }

    public IImagePreprocessor Preprocessor => this;

    public Device Device => CPU;

    public Tensor Preprocess(ImageBuffer image)
    {
        if (preprocess is not null)
            return preprocess(image);
        using DisposeScope scope = NewDisposeScope();
        ImageBuffer small = PillowResize.Resize(image.ToRgb(), size, size, ResampleFilter.Box);
        return ((tensor(small.Pixels, [size, size, 3]).permute(2, 0, 1).to(float32) / 255f) - 0.5f).MoveToOuterDisposeScope();
    }

    public VisionFeatures Encode(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        Encoded += (int)pixels.shape[0];
        Tensor patches = pixels.unfold(2, patch, patch).unfold(3, patch, patch).permute(0, 2, 3, 1, 4, 5).flatten(3);
        return new VisionFeatures(pixels.flatten(1).MoveToOuterDisposeScope(), patches.contiguous().MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
    }
}
