using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

/// <summary>Another encoder, with the size of each batch that it encoded.</summary>
internal sealed class BatchCountingEncoder(IVisionEncoder encoder) : IVisionEncoder
{
    public List<int> Batches { get; } = [];

    public IImagePreprocessor Preprocessor => encoder.Preprocessor;

    public Device Device => encoder.Device;

    public VisionFeatures Encode(Tensor pixels)
    {
        Batches.Add((int)pixels.shape[0]);
        return encoder.Encode(pixels);
    }

    public void Dispose() => encoder.Dispose();
}
