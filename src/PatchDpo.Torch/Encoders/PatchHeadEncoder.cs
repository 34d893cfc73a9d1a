using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>An image encoder whose patch features pass through a linear layer, so that little has to be learnt to compare them better.</summary>
/// <remarks>
/// A fresh head becomes the whitening of the patch features of the training images when training starts: their mean is taken
/// away, and their principal directions come to equal variance. The feature of the whole image stays the encoder's own.
/// </remarks>
public sealed class PatchHeadEncoder : ITrainableVisionEncoder
{
    internal const string FileName = "patch_head.safetensors";

    // Directions that hardly vary are mostly noise: they are not brought to the full variance.
    private const double VarianceFloor = 1e-3;
    private const double SpareRowScale = 0.05;

    private readonly Linear _head;

    /// <summary>Puts a fresh head on an encoder.</summary>
    /// <param name="encoder">Gives the patch features; disposed with this.</param>
    /// <param name="dimension">The length of the new patch features.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="dimension"/> is below 1.</exception>
    public PatchHeadEncoder(ITrainableVisionEncoder encoder, int dimension = 64)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        Encoder = encoder;
        _head = CreateHead(InputDimension(encoder), dimension, encoder.Device);
    }

    private PatchHeadEncoder(ITrainableVisionEncoder encoder, Linear head)
    {
        Encoder = encoder;
        _head = head;
        IsFresh = false;
    }

    /// <summary>The encoder below the head.</summary>
    public ITrainableVisionEncoder Encoder { get; }

    /// <summary>The length of the patch features.</summary>
    public int Dimension => (int)_head.weight!.AliveIn(this).shape[0];

    /// <inheritdoc/>
    public IImagePreprocessor Preprocessor => Encoder.Preprocessor;

    /// <inheritdoc/>
    public Device Device => _head.weight!.AliveIn(this).device;

    /// <inheritdoc/>
    /// <remarks>The head is the last group.</remarks>
    public IReadOnlyList<IReadOnlyList<Parameter>> PatchParameters
    {
        get
        {
            _head.weight!.AliveIn(this);
            return [.. Encoder.PatchParameters, [_head.weight!, _head.bias!]];
        }
    }

    /// <summary>The linear layer.</summary>
    internal nn.Module Head => _head;

    /// <summary>Whether the head has learnt nothing yet.</summary>
    internal bool IsFresh { get; private set; } = true;

    /// <inheritdoc/>
    public VisionFeatures ForwardFeatures(Tensor pixels)
    {
        _head.weight!.AliveIn(this);
        VisionFeatures features = Encoder.ForwardFeatures(pixels);
        using Tensor below = features.Patches;
        return features with { Patches = _head.call(below.to(_head.weight!.dtype)) };
    }

    /// <inheritdoc/>
    public VisionFeatures Encode(Tensor pixels)
    {
        _head.weight!.AliveIn(this);
        using IDisposable noGrad = no_grad();
        // Not through ForwardFeatures: an encoder may go through a batch more thriftily where no gradients are asked for.
        VisionFeatures features = Encoder.Encode(pixels);
        using Tensor below = features.Patches;
        return features with { Patches = _head.call(below.to(_head.weight!.dtype)) };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _head.Dispose();
        Encoder.Dispose();
    }

    /// <summary>Makes the head the whitening of features. <c>(M,D)</c></summary>
    /// <param name="features">Patch features of the encoder below.</param>
    /// <param name="generator">Draws the weights that are left where the head has more outputs than inputs.</param>
    internal void Whiten(Tensor features, Generator generator)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor x = features.to(float64).cpu();
        Tensor mean = x.mean([0]), centred = x - mean;
        (Tensor variances, Tensor directions) = linalg.eigh(centred.t().matmul(centred).DividedBy(Math.Max(1, x.shape[0] - 1)));
        (variances, directions) = (variances.flip(0), directions.flip(1).t());
        long rows = Math.Min(Dimension, x.shape[1]);
        Tensor whitening = directions / variances.AtLeast(0).Plus(variances[0].Times(VarianceFloor)).Plus(1e-12).sqrt().unsqueeze(1);
        // A row of zeros would have no gradient.
        Tensor weight = randn([Dimension, x.shape[1]], dtype: float64, generator: generator).Times(SpareRowScale);
        weight[..(int)rows] = whitening[..(int)rows];
        _head.weight!.copy_(weight);
        _head.bias!.copy_(weight.matmul(mean).neg());
    }

    internal void MarkTrained() => IsFresh = false;

    /// <summary>Writes the head alone.</summary>
    internal void WriteHead(string path)
    {
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["weight"] = _head.weight!, ["bias"] = _head.bias! },
            StoredEncoderOptions.Describe(Encoder));
    }

    /// <summary>The choices that a head was trained with, where others are not made.</summary>
    internal static VisionEncoderOptions ChoicesOf(string path, VisionEncoderOptions options)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return StoredEncoderOptions.Complete(options, file);
    }

    /// <summary>Puts a saved head on an encoder, which is disposed if that fails.</summary>
    internal static PatchHeadEncoder Open(string path, IVisionEncoder encoder)
    {
        try
        {
            if (encoder is not ITrainableVisionEncoder below)
                throw new UnknownModelException(path, null, "the encoder beside it takes no head.");
            using SafetensorsFile file = SafetensorsFile.Open(path);
            long[] shape = file.Contains("weight") ? file.Shape("weight") : [];
            int features = InputDimension(below);
            if (shape.Length != 2 || shape[0] < 1 || shape[1] != features)
                throw new UnknownModelException(path, "weight", $"a head on this encoder has the shape (D,{features}), not ({string.Join(',', shape)}): "
                    + "were its stage and patches chosen otherwise?");
            return new PatchHeadEncoder(below,
                ModelWeights.Fill(CreateHead(shape[1], shape[0], TorchRuntime.Meta), file, ignore: null, encoder.Device, dtype: null));
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    private static Linear CreateHead(long from, long to, Device device)
    {
        // The layer's initialisation leaves tensors behind.
        using DisposeScope scope = NewDisposeScope();
        Linear head = nn.Linear(from, to, device: device);
        head.DetachFromDisposeScope();
        return head;
    }

    private static int InputDimension(ITrainableVisionEncoder encoder)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = encoder.Preprocessor.Preprocess(new ImageBuffer(64, 64, 3, new byte[64 * 64 * 3])).unsqueeze(0).to(encoder.Device);
        using VisionFeatures features = encoder.Encode(pixels);
        return (int)features.Patches.shape[3];
    }
}
