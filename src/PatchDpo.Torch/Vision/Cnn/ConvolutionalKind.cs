using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>A convolutional network, whose weights tell all.</summary>
/// <typeparam name="TEncoder">The network.</typeparam>
/// <param name="name">What it is called.</param>
/// <param name="anchor">A tensor that only it has.</param>
/// <param name="create">Makes the network for weights, on the meta device.</param>
internal sealed class ConvolutionalKind<TEncoder>(string name, string anchor, Func<ITensorSource, TEncoder> create) : EncoderKind
    where TEncoder : ConvolutionalEncoder
{
    /// <inheritdoc/>
    public override IReadOnlyList<(string Key, string Meaning)> Anchors { get; } = [(anchor, name)];

    /// <inheritdoc/>
    public override IVisionEncoder FromState(ITensorSource state, string anchor, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        TEncoder encoder = create(state);
        try
        {
            encoder.Configure(options);
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
        return ModelWeights.Fill(encoder, BatchCounters.Complete(state), ignore: null, device, dtype);
    }

    /// <inheritdoc/>
    public override bool Owns(IVisionEncoder encoder) => encoder is TEncoder;
}
