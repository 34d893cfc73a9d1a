using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

public sealed class PhotoViewPoolTests
{
    private static readonly ClassificationPreprocessor Preprocessor = new(32, 32);

    [Fact]
    public void Views_have_the_asked_size_and_the_encoders_normalisation_and_show_what_their_maps_say()
    {
        using DisposeScope scope = NewDisposeScope();
        // Red and green tell where in the photo a pixel is.
        ImageBuffer photo = TestImages.Create(200, 100, (x, y) => (x, 2 * y, 90));
        PatchEncoderTrainerOptions options = new() { CropSize = 48, PhotoSize = 100, MinScale = 0.5 };
        using PhotoViewPool pool = new([photo], Preprocessor, options, CPU);
        Random random = new(1);
        for (int trial = 0; trial < 10; trial++)
        {
            ViewPair views = pool.Draw([0], random);
            Assert.Equal([1, 3, 48, 48], views.Second.shape);
            Tensor bytes = ((views.Second[0] * tensor([0.229f, 0.224f, 0.225f]).view(3, 1, 1)) + tensor([0.485f, 0.456f, 0.406f]).view(3, 1, 1)) * 255;
            (double x, double y) = views.Maps[0].Second.Map(24.5 / 48, 24.5 / 48);
            Assert.Equal((x * 200) - 0.5, bytes[0, 24, 24].item<float>(), 0.6);
            Assert.Equal(((y * 100) - 0.5) * 2, bytes[1, 24, 24].item<float>(), 0.6);
            (double left, _) = views.Maps[0].Second.Map(0, 0.5);
            (double right, _) = views.Maps[0].Second.Map(1, 0.5);
            Assert.InRange(Math.Abs(right - left) * 200, 48 * 0.707 * 0.7, 48 * 1.415 * 1.3);
        }
    }

    [Fact]
    public void Objects_on_a_plain_background_are_pasted_and_points_are_drawn_on_them_alone()
    {
        using DisposeScope scope = NewDisposeScope();
        ImageBuffer subject = TestImages.Create(64, 64, (x, y) => x is >= 16 and < 48 && y is >= 16 and < 48 ? (200, 20, 20) : (255, 255, 255));
        ImageBuffer background = TestImages.Create(64, 64, (x, y) => (10, 10, 10 + ((x + y) % 3 * 100)));
        PatchEncoderTrainerOptions options = new() { CropSize = 64, PhotoSize = 64, PasteProbability = 1, MaxRotation = 0, Perspective = 0, MinScale = 1 };
        using PhotoViewPool pool = new([subject, background], Preprocessor, options, CPU);
        Random random = new(2);
        bool pasted = false;
        for (int trial = 0; trial < 8; trial++)
        {
            ViewPair views = pool.Draw([0, 1], random);
            Assert.Null(views.Foregrounds![1]);
            Assert.NotNull(views.Foregrounds[0]);
            // The middle stays red; the corner is no longer white where the other photo stands behind.
            Assert.Equal(views.First[0, 0, 32, 32].item<float>(), views.Second[0, 0, 32, 32].item<float>(), 0.01);
            pasted |= views.Second[0, 0, 2, 2].item<float>() < 0;
            (Tensor first, _) = PatchCorrespondence.DrawPoints(views.Maps, 16, 16, 40, random, views.Foregrounds);
            Assert.InRange((first[0] - 0.5f).abs().max().item<float>(), 0, 0.25);
            Assert.True((first[1] - 0.5f).abs().max().item<float>() > 0.3);
        }
        Assert.True(pasted);
    }
}
