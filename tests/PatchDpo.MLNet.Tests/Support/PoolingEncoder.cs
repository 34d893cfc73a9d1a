using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>An encoder without weights, whose patch features are the mean colours of an 8 x 6 grid.</summary>
internal sealed class PoolingEncoder : IVisionEncoder, IImagePreprocessor
{
    public int Calls { get; private set; }

    public bool Disposed { get; private set; }

    public IImagePreprocessor Preprocessor => this;

    public Device Device => CPU;

    public Tensor Preprocess(ImageBuffer image)
    {
        using DisposeScope scope = NewDisposeScope();
        ImageBuffer resized = PillowResize.Resize(image.ToRgb(), 48, 64, ResampleFilter.Bilinear);
        return tensor(resized.Pixels, [64, 48, 3]).permute(2, 0, 1).to(float32).div(255).contiguous().MoveToOuterDisposeScope();
    }

    public VisionFeatures Encode(Tensor pixels)
    {
        Calls++;
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = nn.functional.avg_pool2d(pixels, 8).permute(0, 2, 3, 1).contiguous() - 0.5;
        return new VisionFeatures(patches.mean([1, 2]).MoveToOuterDisposeScope(), patches.MoveToOuterDisposeScope());
    }

    public void Dispose() => Disposed = true;
}
