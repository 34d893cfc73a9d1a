using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Photos of any sizes, of which views of one size are cut at about the photos' own resolution.</summary>
internal sealed class PhotoViewPool : IViewPool, IDisposable
{
    private const int ProbeSize = 32;
    // An object that fills less or more of an image than this is none, or the background is not plain.
    private const double SmallestForeground = 0.02, LargestForeground = 0.8;

    private readonly List<Tensor> _photos = [];
    private readonly List<bool[,]?> _foregrounds = [];
    private readonly PatchEncoderTrainerOptions _options;
    private readonly Tensor _gain;
    private readonly Tensor _offset;
    private readonly Device _device;
    private readonly int _side;

    /// <summary>Takes photos.</summary>
    /// <param name="photos">Held as bytes.</param>
    /// <param name="preprocessor">Its normalisation, a line for each channel, is taken over; its size is not.</param>
    /// <param name="options">Bounds of the views; <see cref="PatchEncoderTrainerOptions.CropSize"/> is set.</param>
    /// <param name="device">Where views go.</param>
    public PhotoViewPool(IReadOnlyList<ImageBuffer> photos, IImagePreprocessor preprocessor, PatchEncoderTrainerOptions options, Device device)
    {
        _options = options;
        _device = device;
        _side = options.CropSize!.Value;
        foreach (ImageBuffer photo in photos)
        {
            ImageBuffer scaled = Scaled(photo.ToRgb(), options.PhotoSize);
            _photos.Add(tensor(scaled.Pixels, [1, scaled.Height, scaled.Width, 3]).permute(0, 3, 1, 2).contiguous().DetachFromDisposeScope());
            _foregrounds.Add(options.PasteProbability > 0 ? Foreground(scaled) : null);
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor black = Probe(0), white = Probe(255);
        _gain = (white - black).DividedBy(255).DetachFromDisposeScope();
        _offset = black.DetachFromDisposeScope();

        Tensor Probe(byte value)
        {
            byte[] pixels = new byte[ProbeSize * ProbeSize * 3];
            Array.Fill(pixels, value);
            return preprocessor.Preprocess(new ImageBuffer(ProbeSize, ProbeSize, 3, pixels)).mean([1, 2]).view(1, 3, 1, 1).to(device);
        }
    }

    public long Count => _photos.Count;

    public ViewPair Draw(IReadOnlyList<long> indexes, Random random)
    {
        List<Tensor> first = [], second = [];
        List<(Homography, Homography)> maps = [];
        List<bool[,]?> foregrounds = [];
        foreach (long index in indexes)
        {
            Tensor photo = Pixels(index);
            (Homography a, Homography b) = DrawViews(photo, random);
            bool[,]? foreground = random.NextDouble() < _options.PasteProbability ? _foregrounds[(int)index] : null;
            if (foreground is not null && !PatchCorrespondence.ShareForeground(a, b, foreground))
                foreground = null;
            first.Add(PatchViews.Render(photo, [a], _side));
            Tensor view = PatchViews.Render(photo, [b], _side);
            second.Add(foreground is null ? view : Pasted(view, foreground, b, random));
            maps.Add((a, b));
            foregrounds.Add(foreground);
        }
        return new ViewPair((cat(first) * _gain).Plus(_offset), (cat(second) * _gain).Plus(_offset), maps, foregrounds);
    }

    public void Dispose()
    {
        _photos.ForEach(p => p.Dispose());
        _gain.Dispose();
        _offset.Dispose();
    }

    private Tensor Pixels(long index) => _photos[(int)index].to(_device).to(float32);

    /// <summary>Two views of a random square window of the photo, from the views' unit squares into the photo's.</summary>
    private (Homography First, Homography Second) DrawViews(Tensor photo, Random random)
    {
        (Homography first, Homography second) = PatchCorrespondence.DrawViews(random, _options);
        (double height, double width) = (photo.shape[2], photo.shape[3]);
        // Views show MinScale to 1 of the window's side: half of that range, in octaves, on either side of the photo's resolution.
        double window = Math.Min(_side / Math.Sqrt(_options.MinScale), Math.Min(width, height));
        double left = random.NextDouble() * (width - window), top = random.NextDouble() * (height - window);
        Homography cut = new([window / width, 0, left / width, 0, window / height, top / height, 0, 0, 1]);
        return (first.Then(cut), second.Then(cut));
    }

    /// <summary>The view's foreground over a view of another photo.</summary>
    private Tensor Pasted(Tensor view, bool[,] foreground, Homography map, Random random)
    {
        Tensor mask = tensor([.. foreground.Cast<bool>()], [1, 1, foreground.GetLength(0), foreground.GetLength(1)]).to(float32).to(_device);
        Tensor opaque = PatchViews.Render(mask, [map], _side);
        Tensor other = Pixels(random.NextInt64(Count));
        return (opaque * view).Plus(opaque.SubtractedFrom(1) * PatchViews.Render(other, [DrawViews(other, random).First], _side));
    }

    private static bool[,]? Foreground(ImageBuffer image)
    {
        bool[,] mask = ForegroundMask.FromPlainBackground(image);
        double share = mask.Cast<bool>().Average(p => p ? 1.0 : 0);
        return share is > SmallestForeground and < LargestForeground ? mask : null;
    }

    private static ImageBuffer Scaled(ImageBuffer photo, int shorter)
    {
        double scale = shorter / (double)Math.Min(photo.Width, photo.Height);
        return scale >= 1 ? photo : PillowResize.Resize(
            photo, (int)Math.Round(photo.Width * scale), (int)Math.Round(photo.Height * scale), ResampleFilter.Bicubic);
    }
}
