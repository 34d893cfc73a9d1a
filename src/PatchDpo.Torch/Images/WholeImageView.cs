using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Images;

/// <summary>Makes a preprocessor show a whole image, so that the patch grid lies over all of it.</summary>
/// <remarks>
/// Recognition models look at a centre crop of the image's shorter side (DINO: 224 of 256 pixels). A map of such a crop,
/// stretched over the image or over the latent grid, would point to the wrong places. So an image is brought to a square
/// and framed with its own border pixels, and the crop then cuts exactly the frame away.
/// </remarks>
internal sealed class WholeImageView
{
    private const int ProbeSize = 256;
    private readonly IImagePreprocessor _preprocessor;
    private readonly double _kept;

    public WholeImageView(IImagePreprocessor preprocessor)
    {
        _preprocessor = preprocessor;
        _kept = KeptShare(preprocessor);
    }

    /// <summary>What the encoder is given of the whole image.</summary>
    public EncoderInput Preprocess(ImageBuffer image)
    {
        // Alpha is dropped before anything is resized, so that transparent pixels keep their colours.
        ImageBuffer square = image.ToRgb();
        int side = Math.Max(image.Width, image.Height), frame = (int)Math.Round(side * (1 - _kept) / (2 * _kept));
        if (image.Width != image.Height)
        {
            if (_preprocessor is ResizeCropPreprocessor preprocessor)
                return new NormalizedBytes(preprocessor.SqueezeAndCrop(square, frame), preprocessor.Normalization);
            // One of a user's own is given the whole square.
            if ((long)side * side * 3 > Array.MaxLength)
                throw new InvalidOperationException($"An image of {image.Width} x {image.Height} is too long to be squeezed into a square; cut out the part "
                    + "that matters.");
            square = PillowResize.Resize(square, side, side, ResampleFilter.Bicubic);
        }
        return EncoderInput.Of(_preprocessor, frame > 0 ? Frame(square, frame) : square);
    }

    /// <summary>The share of a square's side that the preprocessor's centre crop keeps, measured on a ramp from black to white.</summary>
    private static double KeptShare(IImagePreprocessor preprocessor)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor black = preprocessor.Preprocess(Columns(_ => 0))[0].mean(), white = preprocessor.Preprocess(Columns(_ => 255))[0].mean();
        Tensor columns = (preprocessor.Preprocess(Columns(x => (byte)x))[0].mean([0]) - black) / (white - black);
        // The slope of a straight line through the columns: 1 where all of the ramp shows, less where its ends are cut off.
        Tensor position = TensorArithmetic.Range(columns.shape[0], float32).Plus(0.5).DividedBy(columns.shape[0]);
        Tensor centred = position - position.mean();
        double slope = ((centred * columns).sum() / (centred * centred).sum()).item<float>();
        // Rounding to 8 bits and the resampling at the ends leave the slope of a full view within half a percent of 1.
        return double.IsFinite(slope) && slope is > 0.05 and < 0.99 ? slope : 1;
    }

    private static ImageBuffer Columns(Func<int, byte> value)
    {
        byte[] pixels = new byte[ProbeSize * ProbeSize * 3];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = value(i / 3 % ProbeSize);
        return new ImageBuffer(ProbeSize, ProbeSize, 3, pixels);
    }

    private static ImageBuffer Frame(ImageBuffer image, int frame)
    {
        int channels = image.Channels, side = image.Width + (2 * frame);
        byte[] pixels = new byte[side * side * channels];
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++)
            {
                int from = (Math.Clamp(y - frame, 0, image.Height - 1) * image.Width) + Math.Clamp(x - frame, 0, image.Width - 1);
                image.Pixels.AsSpan(from * channels, channels).CopyTo(pixels.AsSpan(((y * side) + x) * channels));
            }
        return new ImageBuffer(side, side, channels, pixels);
    }
}
