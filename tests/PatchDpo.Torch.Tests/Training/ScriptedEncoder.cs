using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training;

/// <summary>An encoder of subjects that gives an evaluation the subject similarities it is told, one for each evaluation in its order.</summary>
internal sealed class ScriptedEncoder(params IReadOnlyList<double> similarities) : IVisionEncoder, IImagePreprocessor
{
    private int _calls;

    public IImagePreprocessor Preprocessor => this;

    public Device Device => CPU;

    public Tensor Preprocess(ImageBuffer image) => zeros(3, 1, 1);

    // An evaluation encodes its pictures, then its references.
    public VisionFeatures Encode(Tensor pixels)
    {
        double cosine = _calls % 2 == 0 ? similarities[_calls / 2] : 1;
        _calls++;
        Tensor row = tensor(new[] { (float)cosine, (float)Math.Sqrt(1 - (cosine * cosine)) });
        return new VisionFeatures(row.expand(pixels.shape[0], 2).clone(), zeros(pixels.shape[0], 1, 1, 1));
    }

    public void Dispose()
    {
    }
}
