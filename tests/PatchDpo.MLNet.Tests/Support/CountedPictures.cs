using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>An encoder that counts pictures: those that it prepared, on any thread, and those that it encoded, by batches.</summary>
internal sealed class CountedPictures : IVisionEncoder, IImagePreprocessor
{
    private readonly PoolingEncoder _encoder = new();
    private int _prepared;

    public List<int> Batches { get; } = [];

    public int Encoded => Batches.Sum();

    public int Prepared => _prepared;

    /// <summary>Called by each preparation.</summary>
    public Action OnPrepare { get; set; } = () => { };

    /// <summary>Called by each batch before it is encoded.</summary>
    public Action OnEncode { get; set; } = () => { };

    public IImagePreprocessor Preprocessor => this;

    public Device Device => CPU;

    public Tensor Preprocess(ImageBuffer image)
    {
        Interlocked.Increment(ref _prepared);
        OnPrepare();
        return _encoder.Preprocess(image);
    }

    public VisionFeatures Encode(Tensor pixels)
    {
        Batches.Add((int)pixels.shape[0]);
        OnEncode();
        return _encoder.Encode(pixels);
    }

    public void Forget()
    {
        Batches.Clear();
        _prepared = 0;
    }

    public void Dispose() => _encoder.Dispose();
}
