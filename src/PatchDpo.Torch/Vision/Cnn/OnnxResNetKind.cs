using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Onnx;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>ImageNet's ResNet-18 in the ONNX file of Microsoft.ML.DnnImageFeaturizer.ResNet18.</summary>
/// <param name="resNet">Opens the network once its tensors have torchvision's names.</param>
internal sealed class OnnxResNetKind(EncoderKind resNet) : EncoderKind
{
    // The file's preparation takes a mean image from pixels in 0..255 and divides by nothing. These are the image's means over its pixels, which change
    // features by a cosine of 0.995 to 0.9997: any size can then be taken. Deviations are ImageNet's, so that normalised pixels are of the usual size
    // (views are jittered by shares of it); the first convolution makes up for them.
    private static readonly PixelNormalization Input = new(
        [123.15162658691406 / 255, 115.90288543701172 / 255, 103.0626220703125 / 255], PixelNormalization.ImageNet.Std);

    /// <inheritdoc/>
    public override IReadOnlyList<(string Key, string Meaning)> Anchors => [];

    /// <inheritdoc/>
    public override (ITensorSource State, string Anchor)? Find(ITensorSource file) => file is OnnxFile onnx ? (OnnxResNetGraph.StateDict(onnx), "") : null;

    /// <inheritdoc/>
    public override IVisionEncoder FromState(ITensorSource state, string anchor, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        var encoder = (ResNet)resNet.FromState(state, anchor, device, dtype, options with { Normalization = options.Normalization ?? Input });
        encoder.ScaleInput([.. Input.Std.Select(deviation => 255 * deviation)]);
        return encoder;
    }

    /// <inheritdoc/>
    public override bool Owns(IVisionEncoder encoder) => false;
}
