using System.Globalization;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Two photos of one plane, and where each point of the first is in the second.</summary>
/// <param name="First">The first photo.</param>
/// <param name="Second">The second photo.</param>
/// <param name="Map">From the first photo to the second, in unit coordinates.</param>
public sealed record HomographyPair(ImageBuffer First, ImageBuffer Second, Homography Map)
{
    /// <summary>
    /// Reads a sequence of the HPatches data set (Balntas et al., CVPR 2017), or of its layout: photos 1, 2, ... and from the first to each other one
    /// a text file <c>H_1_k</c> with nine numbers, in pixels.
    /// </summary>
    /// <param name="folder">
    /// With <c>1.png</c>, <c>2.png</c>, ... in any format that <see cref="ImageFile"/> reads (the data set's own .ppm files have to be converted),
    /// and <c>H_1_2</c>, <c>H_1_3</c>, ...
    /// </param>
    /// <param name="side">Photos are brought to squares of this side (bilinear).</param>
    /// <returns>The first photo with each other one.</returns>
    /// <exception cref="FileNotFoundException">There is no first photo, no homography, or one without its photo.</exception>
    /// <exception cref="FormatException">A homography is not nine numbers that make a map.</exception>
    /// <exception cref="InvalidImageException">A photo cannot be read.</exception>
    public static IReadOnlyList<HomographyPair> FromHPatches(string folder, int side = 512)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        ImageBuffer first = Load(1);
        ImageBuffer square = Square(first, side);
        var pairs = new List<HomographyPair>();
        for (int k = 2; File.Exists(Path.Combine(folder, $"H_1_{k}")); k++)
        {
            ImageBuffer other = Load(k);
            pairs.Add(new HomographyPair(square, Square(other, side), ReadMap(Path.Combine(folder, $"H_1_{k}"), first, other)));
        }
        return pairs.Count > 0 ? pairs : throw new FileNotFoundException($"The folder '{folder}' has no homography 'H_1_2'.", Path.Combine(folder, "H_1_2"));

        ImageBuffer Load(int k)
            => ImageFile.Load(FolderFiles.Files(folder).FirstOrDefault(f => Path.GetFileName(f).StartsWith($"{k}.", StringComparison.Ordinal))
                ?? throw new FileNotFoundException($"The folder '{folder}' has no photo '{k}.*'.", Path.Combine(folder, $"{k}.png"))).ToRgb();
    }

    /// <summary>Makes pairs of any photos: each is cut and bent by random homographies.</summary>
    /// <param name="photos">Photos of any sizes.</param>
    /// <param name="viewsPerPhoto">How many views each is paired with.</param>
    /// <param name="side">Photos and views are squares of this side (bicubic).</param>
    /// <param name="seed">
    /// Draws the homographies: crops of 60 to 100 % of the side, rotations up to 25 degrees, corners moved by up to 12 % of the side.
    /// </param>
    /// <remarks>Easier than real sequences: light, focus and noise do not change. Compare such figures with each other only.</remarks>
    public static IEnumerable<HomographyPair> Synthetic(IEnumerable<ImageBuffer> photos, int viewsPerPhoto = 1, int side = 512, int seed = 42)
    {
        ArgumentNullException.ThrowIfNull(photos);
        ArgumentOutOfRangeException.ThrowIfLessThan(viewsPerPhoto, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 8);
        return Enumerate();

        IEnumerable<HomographyPair> Enumerate()
        {
            Random random = new(seed);
            PatchEncoderTrainerOptions bounds = new() { MinScale = 0.6, MaxRotation = 25, Perspective = 0.12, FlipProbability = 0 };
            foreach (ImageBuffer photo in photos)
            {
                ImageBuffer square = PillowResize.Resize(photo.ToRgb(), side, side, ResampleFilter.Bicubic);
                for (int i = 0; i < viewsPerPhoto; i++)
                {
                    Homography view = PatchViews.Random(random, bounds);
                    yield return new HomographyPair(square, PatchViews.Render(square, view), view.Inverse());
                }
            }
        }
    }

    private static ImageBuffer Square(ImageBuffer photo, int side) => PillowResize.Resize(photo, side, side, ResampleFilter.Bilinear);

    private static Homography ReadMap(string path, ImageBuffer first, ImageBuffer second)
    {
        string text = TextFile.Read(path, (problem, inner) => new FormatException($"'{path}' holds no homography: {problem}", inner));
        string[] words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        try
        {
            return Homography.FromPixels([.. words.Select(w => double.Parse(w, CultureInfo.InvariantCulture))], first.Width, first.Height, second.Width,
                second.Height);
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw new FormatException($"'{path}' holds no homography: {e.Message}", e);
        }
    }
}
