using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Makes views of images with known geometry: a view is a homography from its own unit square into the image's.</summary>
internal static class PatchViews
{
    // Root mean square difference of normalised pixels.
    private const double SameColour = 0.4;

    /// <summary>A random crop with rotation, perspective and perhaps a mirror; its corners may leave the image a little.</summary>
    public static Homography Random(Random random, PatchEncoderTrainerOptions options)
    {
        double side = Between(random, options.MinScale, 1), angle = Between(random, -1, 1) * options.MaxRotation * Math.PI / 180;
        double centreX = Between(random, side / 2, 1 - (side / 2)), centreY = Between(random, side / 2, 1 - (side / 2));
        double mirror = random.NextDouble() < options.FlipProbability ? -1 : 1;

        (double, double) Corner(double x, double y)
        {
            x = (x * mirror) + (Between(random, -1, 1) * options.Perspective);
            y += Between(random, -1, 1) * options.Perspective;
            return (centreX + (side * ((x * Math.Cos(angle)) - (y * Math.Sin(angle)))), centreY + (side * ((x * Math.Sin(angle)) + (y * Math.Cos(angle)))));
        }
        return Homography.FromCorners(Corner(-0.5, -0.5), Corner(0.5, -0.5), Corner(0.5, 0.5), Corner(-0.5, 0.5));
    }

    /// <summary>Renders one view of each image, bilinear; outside the image its border is repeated.</summary>
    /// <param name="images"><c>(B,3,H,W)</c></param>
    /// <param name="views">One for each image.</param>
    /// <param name="side">The views' side in pixels; null: the images' own size.</param>
    /// <returns><c>(B,3,H,W)</c></returns>
    public static Tensor Render(Tensor images, IReadOnlyList<Homography> views, int? side = null)
    {
        using DisposeScope scope = NewDisposeScope();
        (long batch, long height, long width) = (images.shape[0], side ?? images.shape[2], side ?? images.shape[3]);
        Tensor x = TensorArithmetic.Range(width, float64).Plus(0.5).DividedBy(width), y = TensorArithmetic.Range(height, float64).Plus(0.5).DividedBy(height);
        Tensor points = stack([x.unsqueeze(0).expand(height, width), y.unsqueeze(1).expand(height, width), ones(height, width, dtype: float64)],
            2).view(1, -1, 3);
        Tensor maps = tensor(views.SelectMany(v => v.Coefficients).ToArray(), [batch, 3, 3]);
        Tensor mapped = points.expand(batch, -1, 3).bmm(maps.transpose(1, 2));
        Tensor grid = (mapped.narrow(2, 0, 2) / mapped.narrow(2, 2, 1)).Times(2).Minus(1).view(batch, height, width, 2).to(float32).to(images.device);
        return nn.functional.grid_sample(images, grid, mode: GridSampleMode.Bilinear, padding_mode: GridSamplePaddingMode.Border, align_corners: false)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Renders a view of an image in bytes, of the same size.</summary>
    public static ImageBuffer Render(ImageBuffer image, Homography view)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor unit = tensor(image.Pixels, [1, image.Height, image.Width, 3]).permute(0, 3, 1, 2).to(float32).DividedBy(127.5).Minus(1);
        return ImageTensors.ToImages(Render(unit, [view]))[0];
    }

    /// <summary>Reads maps of features at points, bilinear between patch centres.</summary>
    /// <param name="features"><c>(B,h,w,D)</c></param>
    /// <param name="points">Unit coordinates (x, y), <c>(B,K,2)</c>.</param>
    /// <returns><c>(B,K,D)</c></returns>
    public static Tensor ReadAt(Tensor features, Tensor points)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor grid = points.Times(2).Minus(1).to(features.dtype).to(features.device).unsqueeze(2);
        return nn.functional.grid_sample(
            features.permute(0, 3, 1, 2), grid, mode: GridSampleMode.Bilinear, padding_mode: GridSamplePaddingMode.Border, align_corners: false)
            .squeeze(3).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Mild changes of light: contrast and brightness of all channels together, a little of each channel, and noise.</summary>
    /// <param name="images">Normalised pixels, <c>(B,3,H,W)</c>.</param>
    /// <param name="strength">The largest change.</param>
    /// <param name="noise">The noise's standard deviation.</param>
    /// <param name="generator">CPU generator.</param>
    public static Tensor ChangeLight(Tensor images, double strength, double noise, Generator generator)
    {
        using DisposeScope scope = NewDisposeScope();
        long batch = images.shape[0];
        Tensor Uniform(params long[] shape) => rand(shape, generator: generator).Times(2).Minus(1).to(images.device);
        Tensor gain = Uniform(batch, 1, 1, 1).Times(strength).Plus(1).Plus(Uniform(batch, 3, 1, 1).Times(strength / 3));
        Tensor offset = Uniform(batch, 1, 1, 1).Times(strength).Plus(Uniform(batch, 3, 1, 1).Times(strength / 3));
        Tensor grain = randn(images.shape, generator: generator).to(images.device).Times(noise);
        return (images * gain).Plus(offset).Plus(grain).MoveToOuterDisposeScope();
    }

    /// <summary>The same images with their hues turned by 60 to 300 degrees; grey stays as it is.</summary>
    /// <param name="images">Normalised pixels, <c>(B,3,H,W)</c>.</param>
    /// <param name="random">Draws the angles.</param>
    public static Tensor Recolour(Tensor images, Random random)
    {
        using DisposeScope scope = NewDisposeScope();
        double[] turns = new double[images.shape[0] * 9];
        for (int b = 0; b < images.shape[0]; b++)
        {
            // A rotation about the grey axis (1,1,1).
            double angle = Between(random, Math.PI / 3, Math.PI * 5 / 3);
            double same = (1 + (2 * Math.Cos(angle))) / 3, next = ((1 - Math.Cos(angle)) / 3) - (Math.Sin(angle) / Math.Sqrt(3)), previous = 1 - same - next;
            double[] turn = [same, next, previous, previous, same, next, next, previous, same];
            turn.CopyTo(turns, b * 9);
        }
        Tensor matrix = tensor(turns, [images.shape[0], 3, 3]).to(images.dtype).to(images.device);
        return matrix.bmm(images.flatten(2)).view(images.shape).MoveToOuterDisposeScope();
    }

    /// <summary>The same images with one wrong region each, as a generator that errs in a part makes them.</summary>
    /// <param name="images">Normalised pixels, <c>(B,3,H,W)</c>.</param>
    /// <param name="random">Draws the regions and their colours.</param>
    /// <remarks>
    /// A region is a random ellipse; in every other image only those of its pixels that have its centre's colour, which is
    /// about one part of an object. It gets another hue, or (as often) the colour of another place in the same image: that
    /// what belongs elsewhere is wrong here can only be told from the surroundings.
    /// </remarks>
    public static Tensor RecolourRegions(Tensor images, Random random)
    {
        using DisposeScope scope = NewDisposeScope();
        (long batch, long height, long width) = (images.shape[0], images.shape[2], images.shape[3]);
        Tensor Draw(double low, double high) => tensor([.. Enumerable.Range(0, (int)batch).Select(_ => (float)Between(random, low, high))], [batch, 1, 1]);
        Tensor ColourAt(Tensor x, Tensor y) => ReadAt(images.permute(0, 2, 3, 1), cat([x, y], 2)).view(batch, 3, 1, 1);
        Tensor centreX = Draw(0.1, 0.9), centreY = Draw(0.1, 0.9), half = TensorArithmetic.Range(batch).Remainder(2).view(batch, 1, 1, 1).to(images.device),
            moved = TensorArithmetic.Range(batch).Remainder(4).DividedBy(2).floor().view(batch, 1, 1, 1).to(images.device);
        Tensor x = TensorArithmetic.Range(width).Plus(0.5).DividedBy(width).view(1, 1, -1) - centreX, y = TensorArithmetic.Range(height).Plus(0.5)
            .DividedBy(height).view(1, -1, 1) - centreY;
        Tensor inside = (x / Draw(0.12, 0.6)).Squared().Plus((y / Draw(0.12, 0.6)).Squared()).LessThan(1).unsqueeze(1).to(images.device);
        Tensor colour = ColourAt(centreX, centreY), other = ColourAt(Draw(0, 1), Draw(0, 1));
        Tensor sameColour = (images - colour).Squared().mean([1], keepdim: true).sqrt().LessThan(SameColour);
        inside = inside.logical_and(sameColour.logical_or(half.EqualTo(0)));
        return where(inside, where(moved.EqualTo(0), Recolour(images, random), (images - colour).Plus(other)), images).MoveToOuterDisposeScope();
    }

    private static double Between(Random random, double low, double high) => low + ((high - low) * random.NextDouble());
}
