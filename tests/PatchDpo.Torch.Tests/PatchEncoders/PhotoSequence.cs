using System.Globalization;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

/// <summary>
/// Six real photos of one plane with the homographies from the first to the others: HPatches, sequence v_wormhole (Balntas et al., CVPR 2017).
/// </summary>
internal sealed class PhotoSequence
{
    private const int Side = 512;

    private readonly ImageBuffer[] _photos;
    private readonly Homography[] _maps;

    private PhotoSequence(string folder)
    {
        ImageBuffer[] photos = [.. Enumerable.Range(1, 6).Select(k => ImageFile.Load(Path.Combine(folder, $"{k}.png")).ToRgb())];
        _photos = Array.ConvertAll(photos, p => PillowResize.Resize(p, Side, Side, ResampleFilter.Bilinear));
        _maps = [.. Enumerable.Range(2, 5).Select(k =>
        {
            double[] pixels = File.ReadAllText(Path.Combine(folder, $"H_1_{k}")).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                .Select(t => double.Parse(t, CultureInfo.InvariantCulture)).ToArray();
            return Homography.FromPixels(pixels, photos[0].Width, photos[0].Height, photos[k - 1].Width, photos[k - 1].Height);
        })];
    }

    /// <summary>The sequence, or a skip where it is absent.</summary>
    public static PhotoSequence OpenOrSkip() => new(Fixtures.SharedOrSkip("real", "hpatches", "v_wormhole"));

    /// <summary>The patch-matching accuracy of features, averaged over the five pairs.</summary>
    /// <param name="features">Of a photo of 512 x 512 pixels, <c>(32,32,D)</c>.</param>
    public double Accuracy(Func<ImageBuffer, Tensor> features)
    {
        Tensor[] all = Array.ConvertAll(_photos, p => features(p));
        Assert.All(all, f => Assert.Equal((32, 32), (f.shape[0], f.shape[1])));
        return _maps.Select((map, i) => PatchMatchingAccuracy.Compute(all[0], all[i + 1], map).Accuracy).Average();
    }
}
